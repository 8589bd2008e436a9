using Pilotfish.Api.Yaml;
using Pilotfish.ControlPlane.Config;

namespace Pilotfish.ControlPlane.Sources.Objects;

/// <summary>What a text holds. With any error the objects are not to be used: a file counts as a whole.</summary>
public sealed record ReadObjects(
    IReadOnlyList<ConfigObject> Objects, IReadOnlyList<SourceError> Errors, IReadOnlyList<SourceError> Warnings);
