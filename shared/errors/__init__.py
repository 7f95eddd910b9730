"""The one tree of errors that people or machines may see.

UrbanKiError
├── InputError                 somebody gave us something unusable (HTTP 400, exit code 2)
│   ├── ItemError              one image, page or text of a request; its neighbours go on
│   └── RequestError           the whole request
├── ModelServerError           the model server could not answer (exit code 3)
├── JobError                   a job or one of its units could not be done
└── OperationError             disk, database, set-up

Each class has a stable `code`, a German `user_message` and `what_to_do` (both templates that are
filled from the keyword arguments; English stands in the message catalogue) and an HTTP status.
Causes with file names or numbers of the machine belong into the log, never into these texts.
`python -m shared.errors` prints the table.
"""

from __future__ import annotations

from shared.errors.base import (
    N_ as N_,
    REFERENCE_PREFIX as REFERENCE_PREFIX,
    CatalogueText as CatalogueText,
    Retry as Retry,
    UrbanKiError as UrbanKiError,
    in_german as in_german,
    new_reference as new_reference,
)
from shared.errors.demo_city import TableNotYet as TableNotYet, TableUnknown as TableUnknown
from shared.errors.geodata import (
    ArchiveTooLarge as ArchiveTooLarge,
    ArchiveUnsafe as ArchiveUnsafe,
    CoordinatesMixed as CoordinatesMixed,
    ExamplesInvalid as ExamplesInvalid,
    GeodataUnreadable as GeodataUnreadable,
    GeodataWithoutCrs as GeodataWithoutCrs,
    GeometryMissing as GeometryMissing,
    GeoPackageLocked as GeoPackageLocked,
    ImageDriverMissing as ImageDriverMissing,
    ImagesApart as ImagesApart,
    LayerChoiceNeeded as LayerChoiceNeeded,
    LayerUnknown as LayerUnknown,
    MapServiceAnswerUnusable as MapServiceAnswerUnusable,
    MapServiceBlank as MapServiceBlank,
    MapServiceDown as MapServiceDown,
    MapServiceError as MapServiceError,
    MapServiceOff as MapServiceOff,
    MapServiceRefusal as MapServiceRefusal,
    PlaceImplausible as PlaceImplausible,
    ShapefileIncomplete as ShapefileIncomplete,
    TableUnreadable as TableUnreadable,
    TableWithoutPlace as TableWithoutPlace,
    TooManyFeatures as TooManyFeatures,
    YearMissing as YearMissing,
)
from shared.errors.identity import (
    AccountElsewhere as AccountElsewhere,
    AccountNameInvalid as AccountNameInvalid,
    AccountNameTaken as AccountNameTaken,
    AccountRightsInvalid as AccountRightsInvalid,
    AccountUnknown as AccountUnknown,
    AccountWithoutRole as AccountWithoutRole,
    AppsInvalid as AppsInvalid,
    AppsWithoutRole as AppsWithoutRole,
    FormExpired as FormExpired,
    FormForeign as FormForeign,
    FormRefused as FormRefused,
    FormTooLarge as FormTooLarge,
    LastAdmin as LastAdmin,
    OldPasswordWrong as OldPasswordWrong,
    OwnPassword as OwnPassword,
    PasswordGuessable as PasswordGuessable,
    PasswordLength as PasswordLength,
    PasswordRepeatDiffers as PasswordRepeatDiffers,
    PasswordUnchanged as PasswordUnchanged,
    RoleUnknown as RoleUnknown,
    SecretWeak as SecretWeak,
    SignInRefused as SignInRefused,
    TenantUnknown as TenantUnknown,
)
from shared.errors.inputs import (
    AnimatedImage as AnimatedImage,
    AreaInvalid as AreaInvalid,
    AreaOutside as AreaOutside,
    AreaTooSmall as AreaTooSmall,
    BandsMissing as BandsMissing,
    BatchContractError as BatchContractError,
    CoordinatesInDegrees as CoordinatesInDegrees,
    CoordinatesUnknown as CoordinatesUnknown,
    DamagedImage as DamagedImage,
    EmptyFile as EmptyFile,
    FileChanged as FileChanged,
    FileMissing as FileMissing,
    FileTooCostly as FileTooCostly,
    FileTooLarge as FileTooLarge,
    FileTypeRefused as FileTypeRefused,
    FileUnlikeName as FileUnlikeName,
    FileUnreadable as FileUnreadable,
    FolderWithoutImages as FolderWithoutImages,
    ImageSideOutOfRange as ImageSideOutOfRange,
    ImageTooLarge as ImageTooLarge,
    ImageWithoutColour as ImageWithoutColour,
    IndexRefused as IndexRefused,
    InputError as InputError,
    InputUnusable as InputUnusable,
    ItemError as ItemError,
    MaskInvalid as MaskInvalid,
    OutOfModelMemory as OutOfModelMemory,
    PairUnequal as PairUnequal,
    PredictionFailed as PredictionFailed,
    ResolutionInvalid as ResolutionInvalid,
    ResolutionMissing as ResolutionMissing,
    ResolutionUnsuitable as ResolutionUnsuitable,
    ResultsExist as ResultsExist,
    TextInvalid as TextInvalid,
    TextTooLong as TextTooLong,
    UnsupportedBitDepth as UnsupportedBitDepth,
    UnsupportedImage as UnsupportedImage,
)
from shared.errors.jobs import (
    Cancelled as Cancelled,
    ClusterUnreachable as ClusterUnreachable,
    JobError as JobError,
    JobRunnerAway as JobRunnerAway,
    JobUnknown as JobUnknown,
    OrderRevoked as OrderRevoked,
    ResultUnusable as ResultUnusable,
    UnitTimedOut as UnitTimedOut,
    VersionsDiffer as VersionsDiffer,
    WorkerCrashed as WorkerCrashed,
)
from shared.errors.model_server import (
    AnswerMismatch as AnswerMismatch,
    ModelChanged as ModelChanged,
    ModelCrashed as ModelCrashed,
    ModelServerBusy as ModelServerBusy,
    ModelServerDown as ModelServerDown,
    ModelServerError as ModelServerError,
    ModelServerFault as ModelServerFault,
    ModelServerNotReady as ModelServerNotReady,
    ModelServerRefusal as ModelServerRefusal,
    ModelServerTimeout as ModelServerTimeout,
)
from shared.errors.operation import (
    AddressPublic as AddressPublic,
    AppBroken as AppBroken,
    GpuUnusable as GpuUnusable,
    InternalPortOpen as InternalPortOpen,
    KeySetMissing as KeySetMissing,
    KeySetPlaceholder as KeySetPlaceholder,
    KeySetUnusable as KeySetUnusable,
    OperationError as OperationError,
    PortTaken as PortTaken,
    ReadingNotPossible as ReadingNotPossible,
    SecretUnusable as SecretUnusable,
    SettingInvalid as SettingInvalid,
    SettingsUnreadable as SettingsUnreadable,
    StartFailed as StartFailed,
)
from shared.errors.recipes import (
    RecipeBroken as RecipeBroken,
    RecipeInputMissing as RecipeInputMissing,
    RecipeInputUnused as RecipeInputUnused,
    RecipeUnknown as RecipeUnknown,
)
from shared.errors.requests import (
    BadRequest as BadRequest,
    LengthRequired as LengthRequired,
    MethodNotAllowed as MethodNotAllowed,
    ModelMissing as ModelMissing,
    NotAllowed as NotAllowed,
    NotFound as NotFound,
    NotSignedIn as NotSignedIn,
    RequestError as RequestError,
    RequestTooLarge as RequestTooLarge,
    ResultMissing as ResultMissing,
    UnsupportedContentType as UnsupportedContentType,
)
from shared.errors.sharing import (
    OwnModelRefused as OwnModelRefused,
    RecipePackageRefused as RecipePackageRefused,
    RecipeTestFailed as RecipeTestFailed,
    RecipeVersionTaken as RecipeVersionTaken,
)
from shared.errors.sign_in import (
    RoleMissing as RoleMissing,
    SignInFailed as SignInFailed,
    SignInServiceDown as SignInServiceDown,
)
from shared.errors.start import (
    AccountsMissing as AccountsMissing,
    FirstPasswordsKept as FirstPasswordsKept,
    HostNamesMissing as HostNamesMissing,
    KioskForeignData as KioskForeignData,
    LocalAccountsPublic as LocalAccountsPublic,
    ModesConflict as ModesConflict,
    PublicUrlUnencrypted as PublicUrlUnencrypted,
    SettingMissing as SettingMissing,
    SettingUnknown as SettingUnknown,
)
from shared.errors.storage import (
    BackupUnusable as BackupUnusable,
    ChangedMeanwhile as ChangedMeanwhile,
    DatabaseBusy as DatabaseBusy,
    DatabaseDamaged as DatabaseDamaged,
    DatabaseUnreachable as DatabaseUnreachable,
    DeletionIncomplete as DeletionIncomplete,
    FileDamaged as FileDamaged,
    FileGone as FileGone,
    InstallationNotEmpty as InstallationNotEmpty,
    LayerInUse as LayerInUse,
    LayerNameInvalid as LayerNameInvalid,
    LayerSchemaChanged as LayerSchemaChanged,
    PdfLibraryMissing as PdfLibraryMissing,
    ProvenanceMissing as ProvenanceMissing,
    ReportInvalid as ReportInvalid,
    SampleMixed as SampleMixed,
    SchemaDiffers as SchemaDiffers,
    StorageFull as StorageFull,
    StorageUnreachable as StorageUnreachable,
    TemplateFaulty as TemplateFaulty,
)
from shared.errors.table import (
    error_class as error_class,
    error_table as error_table,
)
from shared.errors.warnings import (
    WARNINGS as WARNINGS,
)
