using System.Net;
using Pilotfish.Local.Manifests;

namespace Pilotfish.Local.Mesh;

/// <summary>A Service of the manifests with the address it was given; no address for headless and external ones.</summary>
internal sealed record LocalService(ManifestObject Source, IPAddress? Address)
{
    public ObjectName Name => Source.Name;

    public bool IsHeadless => Address is null && ExternalName is null;

    public string? ExternalName => Source.Spec.TextOf("type") == "ExternalName" ? Source.Spec.TextOf("externalName") : null;

    public IReadOnlyDictionary<string, string> Selector => Source.Spec.TextMapOf("selector");
}
