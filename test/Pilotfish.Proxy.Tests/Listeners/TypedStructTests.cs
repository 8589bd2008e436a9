using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Tests.Transport;

namespace Pilotfish.Proxy.Tests.Listeners;

/// <summary>typed_config as TypedStruct: what is packed within it, and what cannot be read of it.</summary>
public sealed class TypedStructTests
{
    private const string Manager = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

    [Fact]
    public void PackedMessages_WithinFields_AreRead()
    {
        HttpConnectionManager read = Parse("""
            {stat_prefix: h, http_filters: [{name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router, suppress_envoy_headers: true}}]}
            """);
        Assert.Equal("h", read.StatPrefix);
        Assert.True(read.HttpFilters[0].TypedConfig.Unpack<Envoy.Extensions.Filters.Http.Router.V3.Router>().SuppressEnvoyHeaders);
    }

    [Theory]
    [InlineData("{request_timeout: soon}", "soon")]
    [InlineData("{nothing: true}", "nothing")]
    [InlineData("{http_filters: [{typed_config: {'@type': type.googleapis.com/no.such.Type}}]}", "no.such.Type")]
    public void Fields_ThatCannotBeRead_AreRefused(string fields, string problem)
    {
        ConfigRejectedException refused = Assert.Throws<ConfigRejectedException>(() => Parse(fields));
        Assert.StartsWith("at: the config is not a valid " + Manager, refused.Message, StringComparison.Ordinal);
        Assert.Contains(problem, refused.Message, StringComparison.Ordinal);
    }

    private static HttpConnectionManager Parse(string fields) =>
        new ExtensionConfig(Manager, Google.Protobuf.ByteString.Empty, Messages.Parse<Struct>(fields), "at")
            .Parse(HttpConnectionManager.Parser);
}
