import Foundation

// loadclient PLAN OUTPUT: sends what PLAN says and writes a line of JSON per request to OUTPUT, then one line on itself.
let arguments = CommandLine.arguments
guard arguments.count == 3 else {
  FileHandle.standardError.write(Data("usage: loadclient PLAN OUTPUT\n".utf8))
  exit(2)
}
let plan = try JSONDecoder().decode(Plan.self, from: Data(contentsOf: URL(fileURLWithPath: arguments[1])))
let before = processorTime()
var client = Client(plan: plan)
client.run()
let used = processorTime() - before
var output: [UInt8] = []
for outcome in client.outcomes { outcome.appendLine(to: &output, origin: client.origin) }
let events = client.outcomes.reduce(0) { $0 + $1.response.events.count }
output +=
  "{\"client\":{\"processor_seconds\":\(used),\"requests\":\(client.outcomes.count),\"events\":\(events)}}\n".utf8
try Data(output).write(to: URL(fileURLWithPath: arguments[2]))
