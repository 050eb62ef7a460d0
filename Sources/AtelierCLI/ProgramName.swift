/// What the program was called as: `atelier`, or `lms` where it is installed under LM Studio's name too.
package enum ProgramName {
  package static let text = CommandLine.arguments.first?.split(separator: "/").last == "lms" ? "lms" : "atelier"
}
