/// How a file comes into the models folder.
package enum ImportMode: Sendable, Hashable { case move, copy, hardLink, symbolicLink }
