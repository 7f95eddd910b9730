"""Documents in a stream of scanned pages: kind of page, cuts, files and fields.

    pages = [page_content(reading, number) for number, reading in enumerate(readings, 1)]
    classifier = load_page_classifier()
    found = classifier.classify(pages)
    cuts = split_stream(pair_chances(pages, found, classifier), load_splitting().prior)
    candidates = find_candidates(pages, found)
    for file in group_documents(candidates, document_by_page):
        fields = choose_fields(candidates_of(file), pages_of(file))

Pure: no file but the package's own data, no HTTP, no clock and no randomness in what is served.
"""
