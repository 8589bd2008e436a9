using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.LoadBalancing;

namespace Pilotfish.Proxy.Tls;

/// <summary>
/// A cluster's transports: the first match whose fields all equal the endpoint's metadata
/// (`envoy.transport_socket_match`), else the cluster's own. The answer is kept on the host until its metadata changes.
/// </summary>
public sealed class UpstreamTransportSelector
{
    private readonly IReadOnlyList<Match> _matches;

    public UpstreamTransportSelector(UpstreamTransport fallback, IReadOnlyList<Match> matches)
    {
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

    public UpstreamTransport For(Host host) => _matches.Count == 0 ? Default : host.Transport(this);

    internal UpstreamTransport Choose(HostConfig host)
    {
        Struct? fields = host.Metadata.Namespace(EndpointMetadata.TransportSocketMatchNamespace);
        foreach (Match match in _matches)
        {
            if (match.Accepts(fields))
            {
                return match.Transport;
            }
        }

        return Default;
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
