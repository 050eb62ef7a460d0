/// Every way to cut bytes in two, some ways in three, and byte by byte.
func cuts(_ bytes: [UInt8]) -> [[ArraySlice<UInt8>]] {
  var all: [[ArraySlice<UInt8>]] = [[bytes[...]], bytes.indices.map { bytes[$0...$0] }]
  for place in 0...bytes.count { all.append([bytes[..<place], bytes[place...]]) }
  for place in stride(from: 0, through: bytes.count, by: 3) {
    let end = min(place + 2, bytes.count)
    all.append([bytes[..<place], bytes[place..<end], bytes[end...]])
  }
  return all
}
