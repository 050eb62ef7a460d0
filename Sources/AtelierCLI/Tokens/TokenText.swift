import AtelierAccess

/// Tokens as a table.
enum TokenText {
  /// `uses`: milliseconds since 1970, by id.
  static func table(_ records: [TokenRecord], uses: [String: Int64], now: Int64) -> TextTable {
    TextTable(
      ["ID", "NAME…", "ALLOWS…", "CREATED", "LAST USED", "EXPIRES"],
      records.map { record in
        [
          record.id, record.name, record.permissions.names.joined(separator: ","), minute(record.createdAt),
          uses[record.id].map(minute) ?? "never",
          record.isExpired(at: now) ? "expired" : record.expiresAt.map(minute) ?? "never",
        ]
      })
  }

  private static func minute(_ milliseconds: Int64) -> String { HumanText.minute(TokenTime.text(milliseconds)) }
}
