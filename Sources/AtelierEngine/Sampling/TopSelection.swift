/// The greatest logits in order, without sorting the rest. Both ways give the same: the exact order of `Candidate`.
enum TopSelection {
  /// Up to here a heap of the best so far; beyond it, a histogram says where the border lies.
  private static let heapLimit = 256
  private static let bins = 4096
  private static let binsPerUnit: Float = 128

  /// Writes the `count` first candidates to `output` (room for all logits), in order, and returns how many there are.
  /// `maximum` is the greatest logit.
  static func select(
    _ count: Int, from logits: UnsafeMutableBufferPointer<Float>, maximum: Float,
    into output: UnsafeMutablePointer<Candidate>, histogram: UnsafeMutablePointer<Int32>
  ) -> Int {
    let count = min(count, logits.count)
    guard count > 0 else { return 0 }
    return count <= heapLimit
      ? selectByHeap(count, from: logits, into: output)
      : selectByHistogram(count, from: logits, maximum: maximum, into: output, histogram: histogram)
  }

  static var histogramSize: Int { bins }

  private static func selectByHeap(
    _ count: Int, from logits: UnsafeMutableBufferPointer<Float>, into heap: UnsafeMutablePointer<Candidate>
  ) -> Int {
    guard let base = logits.baseAddress else { return 0 }
    for index in 0..<count { heap[index] = Candidate(logit: base[index], token: Int32(index)) }
    CandidateHeap.build(heap, count)
    var border = heap[0].logit
    var lanes = LogitScan.Lanes(repeating: border)
    var index = count
    // Later tokens of the same logit come after earlier ones, so only a greater logit gets in.
    while index + LogitScan.width <= logits.count {
      if any(LogitScan.load(base, index) .> lanes) {
        for lane in index..<index + LogitScan.width where base[lane] > border {
          heap[0] = Candidate(logit: base[lane], token: Int32(lane))
          CandidateHeap.sink(heap, 0, count)
          border = heap[0].logit
        }
        lanes = LogitScan.Lanes(repeating: border)
      }
      index += LogitScan.width
    }
    while index < logits.count {
      if base[index] > border {
        heap[0] = Candidate(logit: base[index], token: Int32(index))
        CandidateHeap.sink(heap, 0, count)
        border = heap[0].logit
      }
      index += 1
    }
    CandidateHeap.sort(heap, count)
    return count
  }

  private static func selectByHistogram(
    _ count: Int, from logits: UnsafeMutableBufferPointer<Float>, maximum: Float,
    into output: UnsafeMutablePointer<Candidate>, histogram: UnsafeMutablePointer<Int32>
  ) -> Int {
    histogram.update(repeating: 0, count: bins)
    for logit in logits { histogram[bin(logit, maximum)] += 1 }
    var last = 0
    var reached = Int(histogram[0])
    while reached < count && last < bins - 1 {
      last += 1
      reached += Int(histogram[last])
    }
    var found = 0
    for index in 0..<logits.count where bin(logits[index], maximum) <= last {
      output[found] = Candidate(logit: logits[index], token: Int32(index))
      found += 1
    }
    CandidateHeap.build(output, found)
    CandidateHeap.sort(output, found)
    return min(count, found)
  }

  /// Distance below the maximum in steps; everything far below shares the last bin.
  @inline(__always)
  private static func bin(_ logit: Float, _ maximum: Float) -> Int {
    let distance = (maximum - logit) * binsPerUnit
    return distance < Float(bins - 1) ? Int(distance) : bins - 1
  }
}

/// A heap of candidates with the last one in order at the root, in place.
enum CandidateHeap {
  static func build(_ heap: UnsafeMutablePointer<Candidate>, _ count: Int) {
    var index = count / 2
    while index > 0 {
      index -= 1
      sink(heap, index, count)
    }
  }

  /// Turns a heap into the ordered list.
  static func sort(_ heap: UnsafeMutablePointer<Candidate>, _ count: Int) {
    var end = count - 1
    while end > 0 {
      let last = heap[0]
      heap[0] = heap[end]
      heap[end] = last
      sink(heap, 0, end)
      end -= 1
    }
  }

  static func sink(_ heap: UnsafeMutablePointer<Candidate>, _ start: Int, _ count: Int) {
    var index = start
    let moving = heap[index]
    while true {
      var child = 2 * index + 1
      guard child < count else { break }
      if child + 1 < count && heap[child].precedes(heap[child + 1]) { child += 1 }
      guard moving.precedes(heap[child]) else { break }
      heap[index] = heap[child]
      index = child
    }
    heap[index] = moving
  }
}
