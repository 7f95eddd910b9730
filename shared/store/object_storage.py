"""An S3 server as the place of the files, over s3fs."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import aiohttp
from botocore.exceptions import BotoCoreError, ClientError
from s3fs import S3FileSystem

from shared.errors import SettingInvalid, StorageFull, StorageUnreachable, UrbanKiError
from shared.store.file_cache import FileCache
from shared.store.local_files import Draft, Entry, disk_error, hash_file

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 30
TRIES = 3
PART_BYTES = 16 << 20
"""Larger files travel in parts of this size, two at a time: at most 64 MiB in memory."""
_FULL = {"XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "QuotaExceeded"}
_TALKATIVE = ("botocore", "aiobotocore", "s3fs", "fsspec")
"""Their debugging output holds session tokens."""
_log = logging.getLogger(__name__)


class ObjectStorage:
    """A bucket of an S3 server; its keys come from `AWS_...` variables of the environment alone.

    Args:
        url: `s3://bucket/prefix`.
        endpoint: Address of the server; empty for Amazon's.
        cache: Copies on this machine.
    """

    def __init__(self, url: str, endpoint: str, cache: FileCache) -> None:
        bucket, _, prefix = url.removeprefix("s3://").strip("/").partition("/")
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._endpoint = endpoint
        self._cache = cache
        self._made: tuple[int, S3FileSystem] | None = None

    def write(self, tenant: str, content: bytes | BinaryIO) -> Draft:
        """Write a draft on this machine; see `write_draft` for errors."""
        return self._cache.write(tenant, content)

    def keep(self, draft: Path, key: str) -> None:
        """Upload a draft and keep it as the copy on this machine.

        Raises:
            StorageFull: There is no space left, here or there.
            StorageUnreachable: The server does not answer or refuses.
        """
        try:
            with self._errors():
                self._system().put_file(
                    str(draft), self._path(key), chunksize=PART_BYTES, max_concurrency=2
                )
        except FileNotFoundError as error:
            raise _no_bucket() from error
        self._cache.keep(draft, key)

    def fetch(self, key: str) -> Path:
        """Return the copy on this machine; download it when there is none.

        Raises:
            FileNotFoundError: The bucket has no such file.
            StorageFull: There is no space left on this machine.
            StorageUnreachable: The server does not answer or refuses.
        """
        copy = self._cache.find(key)
        if copy is not None:
            return copy
        with self._downloaded(key) as draft:
            return self._cache.keep(draft, key)

    def hash_of(self, key: str) -> str:
        """Download a file and return its hash; no copy is kept. Errors are those of `fetch`."""
        with self._downloaded(key) as draft:
            return hash_file(draft)

    @contextmanager
    def _downloaded(self, key: str) -> Iterator[Path]:
        draft = self._cache.write(key.partition("/")[0], b"").path
        try:
            with self._errors():
                self._system().get_file(
                    self._path(key), str(draft), chunksize=PART_BYTES, max_concurrency=2
                )
            yield draft
        except FileNotFoundError:
            self.check()  # a missing bucket looks like a missing file
            raise
        finally:
            draft.unlink(missing_ok=True)

    def forget(self, key: str) -> bool:
        """Throw away the copy on this machine and say whether there was one."""
        return self._cache.forget(key)

    def exists(self, key: str) -> bool:
        """Say whether the bucket holds a file.

        Raises:
            StorageUnreachable: The server does not answer or refuses.
        """
        return self._head(key) is not None

    def remove(self, key: str, before: datetime | None = None) -> bool:
        """Remove a file with its copy and say whether there was one to remove.

        Args:
            key: The file.
            before: Leave it when it was written after this moment.

        Raises:
            StorageUnreachable: The server does not answer or refuses.
        """
        head = self._head(key)
        if head is not None:
            if before is not None and head["LastModified"] >= before:
                return False
            self._call("delete_object", Key=self._prefix + key)
        self._cache.forget(key)
        return head is not None

    def remove_tenant(self, tenant: str) -> int:
        """Remove every file and copy of a municipality; say how many files there were.

        Raises:
            StorageUnreachable: The server does not answer or refuses.
        """
        count = 0
        for page in self._pages(f"{self._prefix}{tenant}/"):
            keys = [{"Key": item["Key"]} for item in page]
            answer = self._call("delete_objects", Delete={"Objects": keys, "Quiet": True})
            if answer.get("Errors"):
                _log.warning("the S3 server refused: %s", answer["Errors"][0].get("Code"))
                raise StorageUnreachable()
            count += len(keys)
        self._abort_uploads(f"{self._prefix}{tenant}/")
        self._cache.forget_tenant(tenant)
        return count

    def remove_drafts(self, before: datetime) -> int:
        """Remove drafts that killed processes have left, here and in the bucket."""
        return self._cache.remove_drafts(before) + self._abort_uploads(self._prefix, before)

    def _abort_uploads(self, prefix: str, before: datetime | None = None) -> int:
        """Clear uploads that were never finished, and say how many."""
        removed = 0
        following: dict[str, str] = {}
        try:
            while True:
                page = self._call("list_multipart_uploads", Prefix=prefix, **following)
                for upload in page.get("Uploads", ()):
                    if before is None or upload["Initiated"] < before:
                        about = {"Key": upload["Key"], "UploadId": upload["UploadId"]}
                        self._call("abort_multipart_upload", **about)
                        removed += 1
                if not page.get("IsTruncated"):
                    break
                following = {
                    "KeyMarker": page["NextKeyMarker"],
                    "UploadIdMarker": page["NextUploadIdMarker"],
                }
        except (FileNotFoundError, StorageUnreachable):
            # A right of its own, which not every bucket gives; nobody can read these parts.
            _log.warning("unfinished uploads of the S3 server were not cleared")
        return removed

    def entries(self, tenant: str | None) -> Iterator[Entry]:
        """List the files of a municipality, or all, stray ones too.

        Raises:
            StorageUnreachable: The server does not answer or refuses.
        """
        prefix = self._prefix if tenant is None else f"{self._prefix}{tenant}/"
        for page in self._pages(prefix):
            for item in page:
                key = item["Key"].removeprefix(self._prefix)
                yield Entry(key, item["Size"], item["LastModified"])

    def _pages(self, prefix: str) -> Iterator[list[dict[str, Any]]]:
        following: dict[str, str] = {}
        while True:
            page = self._list(Prefix=prefix, **following)
            if page.get("Contents"):
                yield page["Contents"]
            if not page.get("IsTruncated"):
                return
            following = {"ContinuationToken": page["NextContinuationToken"]}

    def check(self) -> None:
        """Make sure that the bucket answers.

        Raises:
            StorageUnreachable: It does not, or refuses.
            SettingInvalid: The variables with the keys are missing.
        """
        self._list(Prefix=self._prefix, MaxKeys=1)

    def _head(self, key: str) -> dict[str, Any] | None:
        try:
            return self._call("head_object", Key=self._prefix + key)
        except FileNotFoundError:
            self.check()  # a missing bucket looks like a missing file
            return None

    def _list(self, **arguments: object) -> dict[str, Any]:
        try:
            return self._call("list_objects_v2", **arguments)
        except FileNotFoundError as error:
            raise _no_bucket() from error

    def _call(self, method: str, **arguments: object) -> dict[str, Any]:
        with self._errors():
            answer: dict[str, Any] = self._system().call_s3(
                method, Bucket=self._bucket, **arguments
            )
        return answer

    def _path(self, key: str) -> str:
        return f"{self._bucket}/{self._prefix}{key}"

    def _system(self) -> S3FileSystem:
        """Return the connection of this process: one that was opened before a fork is no use."""
        made = self._made
        if made is None or made[0] != os.getpid():
            made = self._made = (os.getpid(), self._connect())
        return made[1]

    def _connect(self) -> S3FileSystem:
        for name in _TALKATIVE:
            logger = logging.getLogger(name)
            logger.setLevel(max(logger.level, logging.INFO))
        region = os.environ.get("AWS_DEFAULT_REGION") or os.environ.get("AWS_REGION")
        if self._endpoint:
            region = region or "us-east-1"  # other servers ignore it, the signature needs one
        system = S3FileSystem(
            key=_needed("AWS_ACCESS_KEY_ID"),
            secret=_needed("AWS_SECRET_ACCESS_KEY"),
            token=os.environ.get("AWS_SESSION_TOKEN") or None,
            endpoint_url=self._endpoint or None,
            client_kwargs={"region_name": region},
            config_kwargs={
                "connect_timeout": CONNECT_TIMEOUT_S,
                "read_timeout": READ_TIMEOUT_S,
                "retries": {"mode": "standard", "total_max_attempts": TRIES},
            },
            skip_instance_cache=True,
            use_listings_cache=False,
        )
        system.retries = 1  # botocore repeats already
        return system

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn errors of the network into those of the house; a missing file stays as it is."""
        try:
            yield
        except (FileNotFoundError, UrbanKiError):
            raise
        except OSError as error:
            raise _meaning(error) from error
        except (BotoCoreError, ClientError, aiohttp.ClientError) as error:
            _log.warning("the S3 server failed: %s", type(error).__name__)
            raise StorageUnreachable() from error


def _no_bucket() -> StorageUnreachable:
    _log.warning("the S3 server has no bucket of the name in URBANKI_STORAGE_URL")
    return StorageUnreachable()


def _needed(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise SettingInvalid(name=name, value="")
    return value


def _meaning(error: OSError) -> UrbanKiError:
    cause = error.__cause__
    if isinstance(cause, ClientError):
        code = cause.response.get("Error", {}).get("Code", "")
        _log.warning("the S3 server refused: %s", code)
        return StorageFull(folder="S3") if code in _FULL else StorageUnreachable()
    if error.errno == errno.ENOSPC:
        return disk_error(error, Path("cache"))
    _log.warning("the S3 server failed: %s", type(error).__name__)
    return StorageUnreachable()
