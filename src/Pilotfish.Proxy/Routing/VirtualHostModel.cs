using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Routing;

/// <summary>One compiled virtual host.</summary>
public sealed class VirtualHostModel
{
    public required string Name { get; init; }

    public required RouteModel[] Routes { get; init; }

    /// <summary>Routes by path, so that a search looks at few of a long list.</summary>
    public required RouteIndex Index { get; init; }

    public HeaderMutations RequestHeaders { get; init; } = HeaderMutations.None;

    public HeaderMutations ResponseHeaders { get; init; } = HeaderMutations.None;

    public PerRouteConfigs FilterConfigs { get; init; } = PerRouteConfigs.None;

    public DynamicMetadata? Metadata { get; init; }

    public long? RequestBufferLimit { get; init; }

    /// <summary>require_tls: non-null when plaintext requests are redirected.</summary>
    public RedirectModel? TlsRedirect { get; init; }

    /// <summary>Whether <see cref="TlsRedirect"/> spares internal requests.</summary>
    public bool TlsForExternalOnly { get; init; }
}
