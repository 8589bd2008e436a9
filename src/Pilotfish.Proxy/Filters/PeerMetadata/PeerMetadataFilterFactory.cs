using Io.Istio.Http.PeerMetadata;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Filters.PeerMetadata;

/// <summary>istio.metadata_exchange for HTTP: its config is checked, the headers pass untouched.</summary>
public sealed class PeerMetadataFilterFactory : IHttpFilterFactory
{
    public IReadOnlyList<string> MessageNames { get; } = ["io.istio.http.peer_metadata.Config"];

    public string? NotActiveNote =>
        "istio.metadata_exchange (HTTP) is accepted and passes requests through; peers' workload metadata is not exchanged yet.";

    public HttpFilterModel Compile(ExtensionConfig config, HttpFilterContext context)
    {
        config.Parse(Io.Istio.Http.PeerMetadata.Config.Parser);
        return PassThroughModel.Instance;
    }
}
