using Envoy.Config.Core.V3;
using Pilotfish.Proxy.Tests.Transport;
using Pilotfish.Proxy.Xds;

namespace Pilotfish.Proxy.Tests.Xds;

/// <summary>Which config sources are one place, and which are two.</summary>
public sealed class SourceKeyTests
{
    private const string Cluster = "{api_config_source: {api_type: DELTA_GRPC, grpc_services: [{envoy_grpc: {cluster_name: a}}]}}";

    [Theory]
    [InlineData("{ads: {}}", "{self: {}}", true)]
    [InlineData("{ads: {}}", "{ads: {}, initial_fetch_timeout: 3s}", true)]
    [InlineData("{ads: {}}", "{}", false)]
    [InlineData("{ads: {}}", Cluster, false)]
    [InlineData("{path: /a}", "{path_config_source: {path: /a, watched_directory: {path: /}}}", true)]
    [InlineData("{path: /a}", "{path: /b}", false)]
    [InlineData("{path: /a}", "{}", false)]
    [InlineData("{path: a}", "{api_config_source: {api_type: GRPC, cluster_names: [a]}}", false)]
    [InlineData(Cluster, Cluster, true)]
    [InlineData(Cluster, "{api_config_source: {api_type: AGGREGATED_DELTA_GRPC, grpc_services: [{envoy_grpc: {cluster_name: a}}]}}", true)]
    [InlineData(Cluster, "{api_config_source: {api_type: GRPC, grpc_services: [{envoy_grpc: {cluster_name: a}}]}}", false)]
    [InlineData(Cluster, "{api_config_source: {api_type: DELTA_GRPC, grpc_services: [{envoy_grpc: {cluster_name: b}}]}}", false)]
    [InlineData(Cluster, "{api_config_source: {api_type: DELTA_GRPC, grpc_services: [{envoy_grpc: {cluster_name: a, authority: x}}]}}", false)]
    public void Sources_AreOnePlace(string one, string other, bool expected)
    {
        var left = SourceKey.Of(Messages.Parse<ConfigSource>(one));
        var right = SourceKey.Of(Messages.Parse<ConfigSource>(other));
        Assert.Equal(expected, left == right);
        Assert.True(!expected || left.GetHashCode() == right.GetHashCode());
    }
}
