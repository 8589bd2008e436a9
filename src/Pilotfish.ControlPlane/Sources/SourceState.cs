using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Config;

namespace Pilotfish.ControlPlane.Sources;

/// <summary>All that a source holds now. Objects of broken files are their last good ones.</summary>
public sealed record SourceState(
    IReadOnlyList<ConfigObject> Objects, IReadOnlyList<SourceError> Errors, IReadOnlyList<SourceError> Warnings);
