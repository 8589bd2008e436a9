using Pilotfish.Api.Yaml;

namespace Pilotfish.Local.Manifests;

/// <summary>A manifest says something that cannot be run; the message begins with file:line:col.</summary>
internal sealed class ManifestException(SourcePosition position, string message)
    : Exception(new SourceError(position, message).ToString());
