using System.Net;
using Pilotfish.Api.Yaml;
using Pilotfish.Local.Manifests;

namespace Pilotfish.Local.Mesh;

/// <summary>
/// A Service of the manifests with the address it was given; no address for headless and external ones. Its fields are read once, so that
/// a wrong one refuses the service and nothing that works with services meets it later.
/// </summary>
internal sealed record LocalService
{
    public required ManifestObject Source { get; init; }

    public required IPAddress? Address { get; init; }

    public required string? ExternalName { get; init; }

    public required IReadOnlyDictionary<string, string> Selector { get; init; }

    public required IReadOnlyList<LocalServicePort> Ports { get; init; }

    /// <summary>A client stays with the pod that answered it first.</summary>
    public required bool IsSticky { get; init; }

    /// <summary>Pods count as endpoints before they are ready.</summary>
    public required bool PublishesUnready { get; init; }

    public ObjectName Name => Source.Name;

    /// <exception cref="ManifestException">A field is missing, of another kind or out of range.</exception>
    public static LocalService Read(ManifestObject source)
    {
        YamlMapping spec = source.Spec;
        return new LocalService
        {
            Source = source,
            Address = null,
            ExternalName = spec.TextOf("type") == "ExternalName" ? spec.TextOf("externalName") : null,
            Selector = spec.TextMapOf("selector"),
            Ports = [.. spec.MappingsOf("ports").Select(LocalServicePort.Read)],
            IsSticky = spec.TextOf("sessionAffinity") == "ClientIP",
            PublishesUnready = spec.FlagOf("publishNotReadyAddresses"),
        };
    }
}
