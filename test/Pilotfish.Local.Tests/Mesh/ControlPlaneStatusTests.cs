using System.Net;
using Pilotfish.Local.Mesh;

namespace Pilotfish.Local.Tests.Mesh;

public sealed class ControlPlaneStatusTests
{
    private const string Endpoints = """
        [{"svc":"web","ep":[
          {"address":"10.0.0.1","port":80,"health":"Healthy"},{"address":"10.0.0.2","port":80,"health":"Healthy"},
          {"address":"10.0.0.4","port":80,"health":"Unhealthy"}]},
         {"svc":"none","ep":[]}]
        """;

    [Fact]
    public void Knows_EveryEndpointListed_IsTrue() =>
        Assert.True(ControlPlaneStatus.Knows(Endpoints, [IPEndPoint.Parse("10.0.0.1:80"), IPEndPoint.Parse("10.0.0.2:80")]));

    [Theory]
    [InlineData("another pod", "10.0.0.3:80")]
    [InlineData("another port", "10.0.0.1:81")]
    [InlineData("not ready", "10.0.0.4:80")]
    public void Knows_OneMissing_IsFalse(string label, string missing) =>
        Assert.False(ControlPlaneStatus.Knows(Endpoints, [IPEndPoint.Parse("10.0.0.1:80"), IPEndPoint.Parse(missing)]), label);

    [Theory]
    [InlineData("all acknowledged", """[{"proxy":"a.x","current":true,"cluster_sent":"n1","cluster_acked":"n1"},{"proxy":"b","current":true}]""", true)]
    [InlineData("one not yet", """[{"proxy":"a.x","current":true,"cluster_sent":"n2","cluster_acked":"n1"}]""", false)]
    [InlineData("never", """[{"proxy":"a.x","current":true,"route_sent":"n2"}]""", false)]
    [InlineData("a push is still to be sent", """[{"proxy":"a.x","current":false,"cluster_sent":"n1","cluster_acked":"n1"}]""", false)]
    [InlineData("not connected", """[{"proxy":"b","current":true,"cluster_sent":"n1","cluster_acked":"n1"}]""", false)]
    [InlineData("no page", "", false)]
    public void IsAcknowledged_WantsEachProxyToHaveTheNewest(string label, string page, bool expected) =>
        Assert.True(expected == ControlPlaneStatus.IsAcknowledged(page, ["a.x"]), label);

    [Theory]
    [InlineData("still there", Endpoints, "10.0.0.2", false)]
    [InlineData("gone", Endpoints, "10.0.0.3", true)]
    [InlineData("leaving", Endpoints, "10.0.0.4", true)]
    [InlineData("no page", "", "10.0.0.3", false)]
    public void Forgot_WantsNoEndpointOfTheAddress(string label, string page, string address, bool expected) =>
        Assert.True(expected == ControlPlaneStatus.Forgot(page, IPAddress.Parse(address)), label);

    [Fact]
    public void Page_Unreadable_KnowsNothing() => Assert.False(ControlPlaneStatus.Knows("<html>", [IPEndPoint.Parse("10.0.0.1:80")]));
}
