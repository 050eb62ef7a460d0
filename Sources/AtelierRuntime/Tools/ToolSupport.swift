import AtelierCore

/// Everything a request with server-side tools needs beside a model.
package struct ToolSupport: Sendable {
  package var source: any ToolProviderSource
  package var policy: IntegrationPolicy
  package var limits: ToolLoopLimits

  package init(source: any ToolProviderSource, policy: IntegrationPolicy, limits: ToolLoopLimits = ToolLoopLimits()) {
    self.source = source
    self.policy = policy
    self.limits = limits
  }
}
