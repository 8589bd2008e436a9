using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.LoadBalancing;

namespace Pilotfish.Proxy.Tls;

/// <summary>
/// A cluster's transports: what transport_socket_matcher leads to, or, without one, the first match whose fields all equal the endpoint's metadata
/// (`envoy.transport_socket_match`), or else its locality's; else the cluster's own. The answer is kept on the host until its metadata changes,
/// unless it depends on what clients share.
/// </summary>
public sealed class UpstreamTransportSelector
{
    private readonly IReadOnlyList<Match> _matches;
    private readonly TransportMatcher? _matcher;

    public UpstreamTransportSelector(UpstreamTransport fallback, IReadOnlyList<Match> matches)
        : this(fallback, matches, null)
    {
    }

    internal UpstreamTransportSelector(UpstreamTransport fallback, IReadOnlyList<Match> matches, TransportMatcher? matcher)
    {
        _matcher = matcher;
        Default = fallback;
        _matches = matches;
        MayEncrypt = fallback.Encrypts;
        SendsProxyProtocol = fallback.SendsProxyProtocol;
        foreach (Match match in matches)
        {
            MayEncrypt |= match.Transport.Encrypts;
            SendsProxyProtocol |= match.Transport.SendsProxyProtocol;
        }
    }

    public static UpstreamTransportSelector Raw { get; } = new(RawBufferTransport.Instance, []);

    public UpstreamTransport Default { get; }

    /// <summary>The default and that of each match, for reports.</summary>
    public IEnumerable<UpstreamTransport> All
    {
        get
        {
            yield return Default;
            foreach (Match match in _matches)
            {
                yield return match.Transport;
            }
        }
    }

    /// <summary>Whether any endpoint's connection may be encrypted.</summary>
    public bool MayEncrypt { get; }

    public bool SendsProxyProtocol { get; }

    /// <summary>Objects of the filter state that the choice depends on, where clients share them with the upstream side.</summary>
    internal IReadOnlyList<string> StateKeys => _matcher?.StateKeys ?? [];

    /// <param name="host">The endpoint.</param>
    /// <param name="overrides">What the client's side changes; null for connections of the proxy's own.</param>
    public UpstreamTransport For(Host host, UpstreamTransportOverrides? overrides = null)
    {
        if (_matches.Count == 0)
        {
            return Default;
        }

        return overrides?.MatchState is { } state && _matcher is not null
            ? _matcher.Find(new TransportFacts(host.Config, state)) ?? Default
            : host.Transport(this);
    }

    internal UpstreamTransport Choose(HostConfig host)
    {
        if (_matcher is not null)
        {
            return _matcher.Find(new TransportFacts(host, null)) ?? Default;
        }

        return FirstMatch(host.Metadata) ?? FirstMatch(host.LocalityMetadata) ?? Default;
    }

    private UpstreamTransport? FirstMatch(EndpointMetadata metadata)
    {
        Struct? fields = metadata.Namespace(EndpointMetadata.TransportSocketMatchNamespace);
        foreach (Match match in _matches)
        {
            if (match.Accepts(fields))
            {
                return match.Transport;
            }
        }

        return null;
    }

    /// <summary>One entry of transport_socket_matches.</summary>
    public sealed record Match(string Name, IReadOnlyList<KeyValuePair<string, string>> Fields, UpstreamTransport Transport)
    {
        internal bool Accepts(Struct? metadata)
        {
            foreach ((string key, string wanted) in Fields)
            {
                if (metadata is null || !metadata.Fields.TryGetValue(key, out Value? value) || MetadataText.Of(value) != wanted)
                {
                    return false;
                }
            }

            return true;
        }
    }
}
