using Envoy.Service.Discovery.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Tests.Transport;
using RuntimeMessage = Envoy.Service.Runtime.V3.Runtime;

namespace Pilotfish.Proxy.Tests.Serving;

/// <summary>RTDS into a whole data plane: asked for before clusters, applied at once, refused by name, taken back.</summary>
public sealed class RuntimePushTests
{
    private const string OverAds = """
        layered_runtime:
          layers:
          - {name: base, static_layer: {a: 1, b: 1}}
          - {name: pushed, rtds_layer: {name: r, rtds_config: {ads: {}, resource_api_version: V3}}}
          - {name: admin, admin_layer: {}}

        """;

    private const string OverItsOwnStream = """
        layered_runtime:
          layers:
          - name: pushed
            rtds_layer:
              name: r
              rtds_config:
                resource_api_version: V3
                api_config_source: {api_type: DELTA_GRPC, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: xds}}]}

        """;

    [Fact]
    public void Layer_ComesBeforeClusters_AndCountsBetweenItsNeighbours() => PushScene.Run(OverAds, "RTDS", async (loop, app, control) =>
    {
        Assert.DoesNotContain(control.Requests, static request => PushScene.Short(request) == "CDS");
        PushScene.Push(control, "1", Runtime("""{"a": 2, "c": {"d": 3}}"""));
        await PushScene.UntilAskedAsync(loop, control, "CDS");
        Assert.Equal((2ul, 1ul, 3ul), (app.Context.Runtime.Number("a"), app.Context.Runtime.Number("b"), app.Context.Runtime.Number("c.d")));
        app.Runtime.Merge([("a", "9")]);
        PushScene.Push(control, "2", Runtime("""{"a": 4, "b": 5}"""));
        DeltaDiscoveryRequest ack = await PushScene.AnswerAsync(loop, control, "RTDS", "2");
        Assert.Null(ack.ErrorDetail);
        Assert.Equal((9ul, 5ul), (app.Context.Runtime.Number("a"), app.Context.Runtime.Number("b")));
        Assert.Null(app.Context.Runtime.Number("c.d"));
        PushScene.Remove(control, "RTDS", "3", "r");
        await PushScene.AnswerAsync(loop, control, "RTDS", "3");
        Assert.Equal(1ul, app.Context.Runtime.Number("b"));
    });

    [Fact]
    public void Layer_Bad_IsRefusedAndTheStartGoesOn() => PushScene.Run(OverAds, "RTDS", async (loop, app, control) =>
    {
        PushScene.Push(control, "1", Runtime("""{"a": null}"""));
        DeltaDiscoveryRequest nack = await PushScene.AnswerAsync(loop, control, "RTDS", "1");
        Assert.Contains("Invalid runtime entry value for a", nack.ErrorDetail.Message, StringComparison.Ordinal);
        await PushScene.UntilAskedAsync(loop, control, "CDS");
        Assert.Equal(1ul, app.Context.Runtime.Number("a"));
    });

    [Fact]
    public void Layer_FromItsOwnService_IsAskedForThere() => PushScene.Run(OverItsOwnStream, "RTDS", async (loop, app, control) =>
    {
        PushScene.Push(control, "1", Runtime("""{"a": 2}"""));
        await TestPeers.UntilAsync(loop, () => app.Context.Runtime.Number("a") == 2);
        Assert.Equal(["r"], control.Requests[0].ResourceNamesSubscribe);
    }, usesAds: false);

    private static RuntimeMessage Runtime(string layer) => new() { Name = "r", Layer = Struct.Parser.ParseJson(layer) };
}
