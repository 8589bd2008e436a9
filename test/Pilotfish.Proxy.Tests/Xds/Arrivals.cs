using Envoy.Service.Discovery.V3;
using Google.Protobuf;
using Pilotfish.Proxy.Xds;
using Pilotfish.Runtime.Buffers;

namespace Pilotfish.Proxy.Tests.Xds;

/// <summary>Responses as they look when they arrived.</summary>
internal static class Arrivals
{
    public static DiscoveryArrival Of(DiscoveryResponse response) => Read(response.ToByteArray(), isDelta: false);

    public static DiscoveryArrival Of(DeltaDiscoveryResponse response) => Read(response.ToByteArray(), isDelta: true);

    private static DiscoveryArrival Read(byte[] bytes, bool isDelta)
    {
        var reader = new DiscoveryResponseReader(isDelta, new BufferPool());
        Assert.True(reader.Read(bytes));
        DiscoveryArrival? arrival = reader.Finish(out string? problem);
        Assert.Null(problem);
        return arrival!;
    }
}
