import ArgumentParser

/// The program `nightjar`.
@main
struct NightjarCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nightjar", abstract: "Starts a background job when something happens, and never loses one.")
}
