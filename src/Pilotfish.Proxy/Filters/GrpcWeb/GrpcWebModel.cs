using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Filters.GrpcWeb;

/// <summary>The filter in a chain: takes part in gRPC-Web requests only. It has no settings.</summary>
public sealed class GrpcWebModel : HttpFilterModel
{
    public override HttpFilter? Create(HttpStream stream, string name) =>
        GrpcText.IsGrpcWebRequest(stream.RequestHeaders) ? new GrpcWebFilter() : null;
}
