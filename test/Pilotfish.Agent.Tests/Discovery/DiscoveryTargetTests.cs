using Pilotfish.Agent.Bootstrap;
using Pilotfish.Agent.Discovery;

namespace Pilotfish.Agent.Tests.Discovery;

public sealed class DiscoveryTargetTests
{
    private static readonly AgentEnvironment s_empty = new(new Dictionary<string, string>());

    [Fact]
    public void Port15010_IsPlaintext()
    {
        DiscoveryTarget target = DiscoveryTarget.Of("istiod.istio-system.svc:15010", s_empty);

        Assert.False(target.IsTls);
        Assert.Equal("istiod.istio-system.svc:15010", target.Address);
    }

    [Theory]
    [InlineData("istiod.istio-system.svc:15012", "istiod.istio-system.svc", "istiod.istio-system.svc:15012")]
    [InlineData("istiod-canary.istio-system.svc", "istiod-canary.istio-system.svc", "istiod-canary.istio-system.svc:15012")]
    [InlineData("localhost:15012", "istiod.istio-system.svc", "localhost:15012")]
    public void OtherPorts_AreTlsWithTheNameOfTheHost(string address, string serverName, string dialled)
    {
        DiscoveryTarget target = DiscoveryTarget.Of(address, s_empty);

        Assert.True(target.IsTls);
        Assert.Equal(serverName, target.ServerName);
        Assert.Equal(dialled, target.Address);
    }

    [Fact]
    public void Environment_OverridesNameRootAndHeaders()
    {
        var environment = new AgentEnvironment(new Dictionary<string, string>
        {
            ["ISTIOD_SAN"] = "istiod.example",
            ["XDS_ROOT_CA"] = "/roots.pem",
            ["XDS_HEADER_X_TEAM"] = "a",
            ["ISTIO_META_CLUSTER_ID"] = "east",
        });

        DiscoveryTarget target = DiscoveryTarget.Of("10.0.0.1:15012", environment);

        Assert.Equal(("istiod.example", "/roots.pem", "east"), (target.ServerName, target.RootFile, target.ClusterId));
        Assert.Equal("a", target.ExtraHeaders["x_team"]);
    }
}
