using Envoy.Config.Bootstrap.V3;
using Envoy.Config.Core.V3;
using Envoy.Config.Listener.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Api.Messages;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Testing;
using Cluster = Envoy.Config.Cluster.V3.Cluster;
using UpstreamHttp = Envoy.Extensions.Upstreams.Http.V3.HttpProtocolOptions;

namespace Pilotfish.Proxy.Tests.Serving;

/// <summary>What would be served otherwise than it says if it were taken: each refused by the field that says it.</summary>
public sealed class RefusedSourceTests
{
    [Theory]
    [InlineData("api_type: REST, cluster_names: [c]", "api_type: 'Rest' does not exist here")]
    [InlineData("cluster_names: [c]", "api_type: 'DeprecatedAndUnavailableDoNotUse' does not exist here")]
    [InlineData("api_type: GRPC, transport_api_version: V2, grpc_services: [{envoy_grpc: {cluster_name: c}}]", "transport_api_version: V3 is the only version")]
    [InlineData("api_type: GRPC, config_validators: [{name: a}], grpc_services: [{envoy_grpc: {cluster_name: c}}]", "config_validators: validators of")]
    public void AdsConfig_ThatCannotBeServed_IsRefusedByField(string source, string problem) => LoopRunner.Run(loop =>
    {
        string yaml = $$"""
            dynamic_resources: {ads_config: { {{source}} } }
            static_resources: {clusters: [{name: c, connect_timeout: 1s}]}
            """;
        BootstrapRejectedException refused = Assert.Throws<BootstrapRejectedException>(() => ProxyApp.Build(new ProxyInputs
        {
            Bootstrap = MessageReader.Parse<Bootstrap>(yaml, "b.yaml").Message!,
            Options = new ServeOptions { ValidateOnly = true },
            MainLoop = loop,
        }));
        Assert.Contains(refused.Problems, one => one.StartsWith("dynamic_resources.ads_config." + problem, StringComparison.Ordinal));
        return Task.CompletedTask;
    });

    [Fact]
    public void ExplicitHttp3_IsRefused_RatherThanServedAsHttp1() => LoopRunner.Run(loop =>
    {
        var cluster = TransportFixture.StaticCluster("c");
        var options = new UpstreamHttp { ExplicitHttpConfig = new() { Http3ProtocolOptions = new() } };
        cluster.TypedExtensionProtocolOptions.Add("envoy.extensions.upstreams.http.v3.HttpProtocolOptions", Any.Pack(options));
        Assert.Contains(
            "explicit_http_config.http3_protocol_options: HTTP/3", Assert.Single(new TransportFixture(loop).Apply(cluster)).Reason, StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    [Fact]
    public void CombinedValidation_ByAProvider_IsRefused_RatherThanTrustedWithoutIt() => LoopRunner.Run(loop =>
    {
        var context = new UpstreamTlsContext
        {
            CommonTlsContext = new()
            {
                CombinedValidationContext = new()
                {
                    DefaultValidationContext = new(),
                    ValidationContextSdsSecretConfig = new() { Name = "roots" },
#pragma warning disable CS0612 // Deprecated: what is refused here.
                    ValidationContextCertificateProviderInstance = new() { InstanceName = "i" },
#pragma warning restore CS0612
                },
            },
        };
        Cluster cluster = TransportFixture.StaticCluster("c");
        cluster.TransportSocket = new TransportSocket { Name = "tls", TypedConfig = Any.Pack(context) };
        Assert.Contains(
            "combined_validation_context.validation_context_certificate_provider_instance",
            Assert.Single(new TransportFixture(loop).Apply(cluster)).Reason,
            StringComparison.Ordinal);
        return Task.CompletedTask;
    });

    [Fact]
    public void BalanceByAnExtension_IsRefused() => LoopRunner.Run(loop =>
    {
        Listener listener = TransportFixture.TcpListener("l", "c");
        listener.ConnectionBalanceConfig = new() { ExtendBalance = new TypedExtensionConfig { Name = "dlb" } };
        Assert.Contains(
            "connection_balance_config.extend_balance", Assert.Single(new TransportFixture(loop).Apply(listener)).Reason, StringComparison.Ordinal);
        return Task.CompletedTask;
    });
}
