using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Pilotfish.ControlPlane.Registry;
using Pilotfish.Language.Numbers;

namespace Pilotfish.ControlPlane.Translation.Listeners;

/// <summary>A filter chain of an outbound listener before it is one: what it matches and what it does.</summary>
internal sealed record ChainOptions
{
    private const string AnyServerName = "*";

    public IReadOnlyList<string> ServerNames { get; init; } = [];

    public IReadOnlyList<string> DestinationRanges { get; init; } = [];

    public IReadOnlyList<string> ApplicationProtocols { get; init; } = [];

    public string Transport { get; init; } = "";

    public Metadata? Metadata { get; init; }

    /// <summary>Filters of a TCP chain; null for an HTTP chain.</summary>
    public IReadOnlyList<Filter>? TcpFilters { get; init; }

    /// <summary>Route configuration of an HTTP chain.</summary>
    public string RouteName { get; init; } = "";

    public PortProtocol HttpProtocol { get; init; }

    public bool MatchesAll => (ServerNames.Count == 0 || ServerNames.Contains(AnyServerName))
        && ApplicationProtocols.Count == 0 && Transport.Length == 0 && DestinationRanges.Count == 0;

    /// <summary>True when the proxy could not tell the two chains apart.</summary>
    public bool ConflictsWith(ChainOptions other) => Transport == other.Transport
        && ApplicationProtocols.SequenceEqual(other.ApplicationProtocols)
        && SetEquals(ServerNames.Where(static name => name != AnyServerName), other.ServerNames.Where(static name => name != AnyServerName))
        && SetEquals(DestinationRanges.Where(IsReal), other.DestinationRanges.Where(IsReal));

    public FilterChainMatch? ToMatch()
    {
        if (MatchesAll)
        {
            return null;
        }

        var match = new FilterChainMatch { TransportProtocol = Transport };
        match.ApplicationProtocols.AddRange(ApplicationProtocols);
        if (!ServerNames.Contains(AnyServerName))
        {
            match.ServerNames.AddRange(ServerNames.Order(StringComparer.Ordinal));
        }

        foreach (var range in DestinationRanges.Where(IsReal).Order(StringComparer.Ordinal))
        {
            match.PrefixRanges.Add(ToCidr(range));
        }

        return match;
    }

    private static bool IsReal(string range) => !range.StartsWith(MeshService.UnspecifiedAddress, StringComparison.Ordinal);

    private static bool SetEquals(IEnumerable<string> left, IEnumerable<string> right) =>
        left.ToHashSet(StringComparer.Ordinal).SetEquals(right);

    private static CidrRange ToCidr(string range)
    {
        var slash = range.IndexOf('/', StringComparison.Ordinal);
        var address = slash < 0 ? range : range[..slash];
        var whole = address.Contains(':', StringComparison.Ordinal) ? 128u : 32u;
        return new CidrRange
        {
            AddressPrefix = address,
            PrefixLen = slash >= 0 && DecimalText.TryParse(range.AsSpan(slash + 1), out uint length) ? length : whole,
        };
    }
}
