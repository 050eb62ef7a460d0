/// A row holds what no version of this program wrote.
struct StoredFormatError: Error {}
