using System.Net;
using Pilotfish.Local.Mesh;

namespace Pilotfish.Local.Tests.Mesh;

public sealed class ControlPlaneStatusTests
{
    private const string Endpoints = """[{"svc":"web","ep":[{"address":"10.0.0.1","port":80},{"address":"10.0.0.2","port":80}]},{"svc":"none","ep":[]}]""";

    [Fact]
    public void Knows_EveryEndpointListed_IsTrue() =>
        Assert.True(ControlPlaneStatus.Knows(Endpoints, [IPEndPoint.Parse("10.0.0.1:80"), IPEndPoint.Parse("10.0.0.2:80")]));

    [Theory]
    [InlineData("another pod", "10.0.0.3:80")]
    [InlineData("another port", "10.0.0.1:81")]
    public void Knows_OneMissing_IsFalse(string label, string missing) =>
        Assert.False(ControlPlaneStatus.Knows(Endpoints, [IPEndPoint.Parse("10.0.0.1:80"), IPEndPoint.Parse(missing)]), label);

    [Theory]
    [InlineData("all acknowledged", """[{"proxy":"a","cluster_sent":"n1","cluster_acked":"n1"},{"proxy":"b"}]""", true)]
    [InlineData("one not yet", """[{"proxy":"a","cluster_sent":"n2","cluster_acked":"n1"}]""", false)]
    [InlineData("never", """[{"proxy":"a","route_sent":"n2"}]""", false)]
    public void IsAcknowledged_ComparesWhatWasSentWithWhatCameBack(string label, string page, bool expected) =>
        Assert.True(expected == ControlPlaneStatus.IsAcknowledged(page), label);

    [Fact]
    public void Page_Unreadable_KnowsNothing() => Assert.False(ControlPlaneStatus.Knows("<html>", [IPEndPoint.Parse("10.0.0.1:80")]));
}
