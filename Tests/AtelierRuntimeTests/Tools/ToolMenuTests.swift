import AtelierCore
import Testing

@testable import AtelierRuntime

struct ToolMenuTests {
  private func offer(_ label: String, _ names: String...) -> ToolMenu.Offer {
    ToolMenu.Offer(
      label: label, info: .ephemeral(serverLabel: label), tools: names.map { OfferedTool(ToolDefinition(name: $0)) })
  }

  @Test func namesThatAreFreeStayAsTheyAre() {
    let menu = ToolMenu([offer("one", "search", "add-x"), offer("two", "get_file")])
    #expect(menu.definitions.map(\.name) == ["add-x", "get_file", "search"])
    #expect(menu["get_file"]?.provider == 1 && menu["nothing"] == nil)
  }

  @Test func charactersThatModelsDoNotKnowBecomeUnderscores() {
    let menu = ToolMenu([offer("one", "a.b/c d", "é!", "a_b_c_d")])
    #expect(menu["a_b_c_d"]?.name == "a.b/c d" && menu["a_b_c_d_2"]?.name == "a_b_c_d" && menu["__"]?.name == "é!")
  }

  @Test func aNameOfTwoServersBelongsToNeither() {
    let menu = ToolMenu([offer("one", "add", "own"), offer("my two", "add")], taken: ["own"])
    #expect(menu.definitions.map(\.name) == ["my_two_add", "one_add", "one_own"])
    #expect(menu["add"] == nil && menu["my_two_add"]?.provider == 1 && menu["one_own"]?.name == "own")
  }

  @Test func longNamesAreCutAndStayDifferent() {
    let long = String(repeating: "x", count: 80)
    let menu = ToolMenu([offer("one", long + "a", long + "b"), offer("two", long)])
    #expect(Set(menu.definitions.map(\.name)).count == 3 && menu.definitions.allSatisfy { $0.name.count <= 64 })
  }

  /// So that prompts share their beginning.
  @Test func theOrderDoesNotDependOnTheServers() {
    let one = ToolMenu([offer("one", "b", "a", "c")]).definitions
    #expect(one == ToolMenu([offer("one", "c", "b", "a")]).definitions)
    let both = ToolMenu([offer("one", "a"), offer("two", "b")]).definitions
    #expect(both == ToolMenu([offer("two", "b"), offer("one", "a")]).definitions)
  }
}
