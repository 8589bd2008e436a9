using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Routing.Discovery;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Routing;

/// <summary>A compiled RouteConfiguration. Immutable; read by every worker.</summary>
public sealed class RouteConfigModel
{
    public required string Name { get; init; }

    public required DomainIndex Domains { get; init; }

    public required IReadOnlyList<VirtualHostModel> VirtualHosts { get; init; }

    public bool IgnorePort { get; init; }

    /// <summary>vhost_header: the header that names the host instead of :authority; null by default.</summary>
    public byte[]? HostHeader { get; init; }

    public byte[][] InternalOnlyHeaders { get; init; } = [];

    public HeaderMutations RequestHeaders { get; init; } = HeaderMutations.None;

    public HeaderMutations ResponseHeaders { get; init; } = HeaderMutations.None;

    public bool MostSpecificWins { get; init; }

    public PerRouteConfigs FilterConfigs { get; init; } = PerRouteConfigs.None;

    public DynamicMetadata? Metadata { get; init; }

    /// <summary>The statistics of its virtual clusters and stat_prefixes; null where it names none.</summary>
    internal RequestStatScopes? StatScopes { get; init; }

    /// <summary>Whom to ask for hosts that it does not know; null unless vhds is set.</summary>
    internal DiscoveredHosts? Discovery { get; init; }

    /// <summary>It serves no request any more but those that hold it: its statistics disappear unless its successor names them, too. Main loop.</summary>
    internal void Retire() => StatScopes?.Dispose();

    public VirtualHostModel? FindHost(HeaderMap headers) => FindHost(HostOf(headers));

    /// <summary>The virtual host of a request whose host, with its port, is this.</summary>
    public VirtualHostModel? FindHost(ReadOnlySpan<byte> host) => Domains.Find(IgnorePort ? HostText.WithoutPort(host) : host);

    /// <summary>What names the host of a request, with its port; empty where nothing does.</summary>
    internal ReadOnlySpan<byte> HostOf(HeaderMap headers) => HostHeader is null ? headers[WellKnownHeader.Authority]
        : headers.TryGet(HostHeader, out ReadOnlySpan<byte> named) ? named : default;
}
