using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Filters.Alpn;

/// <summary>Leaves the application protocols of one request's upstream handshake in the filter state, before the router connects.</summary>
internal sealed class AlpnFilter(AlpnModel model, ClusterState cluster) : HttpFilter
{
    public override FilterVerdict OnRequestHeaders(HeaderMap headers, bool end)
    {
        if (model.For(cluster, Stream.Info.Protocol) is { } protocols)
        {
            Stream.Info.EnsureFilterState().Set(UpstreamProtocols.Key, protocols, readOnly: false, FilterStateSharing.Once);
        }

        return FilterVerdict.Continue;
    }
}
