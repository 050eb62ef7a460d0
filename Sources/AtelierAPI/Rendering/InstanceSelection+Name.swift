import AtelierCore

extension InstanceSelection? {
  /// The model's name in an answer: what the client asked for if that is exactly one of this instance's names, else the
  /// model's key.
  func name(askedFor model: String) -> String {
    guard let self else { return model }
    let isExact = model == self.instanceID || model == self.modelKey || model.hasPrefix(self.modelKey + "@")
    return isExact ? model : self.modelKey
  }
}
