using CsCheck;
using Google.Protobuf;
using Pilotfish.ControlPlane.Config;
using Pilotfish.ControlPlane.Proxies;
using Pilotfish.ControlPlane.Push;
using Pilotfish.ControlPlane.Tests.Translation;
using Pilotfish.ControlPlane.Translation.Clusters;
using Pilotfish.ControlPlane.Translation.Endpoints;
using Pilotfish.ControlPlane.Translation.Listeners;
using Pilotfish.ControlPlane.Translation.Routes;

namespace Pilotfish.ControlPlane.Tests.Push;

public sealed class PushContextTests
{
    // Every object of the sample mesh; a case is a sequence of subsets of them.
    private static readonly IReadOnlyList<ConfigObject> s_objects = Mesh.Parse(Manifests.Bookinfo + "\n---\n" + Manifests.ReviewsRule);

    [Fact]
    public void Next_AfterAnyChanges_GeneratesWhatAFreshContextGenerates() =>
        Gen.Int[0, (1 << s_objects.Count) - 1].Array[1, 5].Sample(steps =>
        {
            var mesh = MeshDefaults.Create();
            var options = new PushContextOptions();
            var snapshot = ConfigSnapshot.Empty;
            var context = PushContext.Create(options, mesh, snapshot);
            foreach (var mask in steps)
            {
                var (next, changed) = snapshot.ReplaceAll(s_objects.Where((_, i) => (mask & (1 << i)) != 0));
                snapshot = next;
                context = context.Next(mesh, snapshot, changed);
            }

            return Output(context).SequenceEqual(Output(PushContext.Create(options, mesh, snapshot)));
        }, iter: 60);

    [Fact]
    public void Next_PodChange_SharesTheEndpointsOfOtherServices()
    {
        var mesh = MeshDefaults.Create();
        var (all, _) = ConfigSnapshot.Empty.ReplaceAll(s_objects);
        var context = PushContext.Create(new PushContextOptions(), mesh, all);
        var pod = s_objects.First(static o => o.Meta.Name == "reviews-v2-def-1");
        var (less, changed) = all.ReplaceAll(s_objects.Where(o => o != pod));
        var next = context.Next(mesh, less, changed);
        const string Reviews = "reviews.default.svc.cluster.local";
        const string Ratings = "ratings.default.svc.cluster.local";
        Assert.NotSame(context.Endpoints.Of(Reviews), next.Endpoints.Of(Reviews));
        Assert.Same(context.Endpoints.Of(Ratings), next.Endpoints.Of(Ratings));
        Assert.Same(context.Services, next.Services);
        Assert.Same(context.VirtualServices, next.VirtualServices);
    }

    private static List<ByteString> Output(PushContext context)
    {
        var proxy = ProxyView.Resolve(context, Mesh.Node("10.0.0.3", "ratings-1"));
        var listeners = ListenerGenerator.Generate(context, proxy);
        var clusters = ClusterGenerator.Generate(context, proxy);
        return
        [
            .. listeners.Select(static m => m.ToByteString()),
            .. clusters.Select(static m => m.ToByteString()),
            .. RouteGenerator.Generate(context, proxy, ListenerGenerator.RouteNames(listeners)).Select(static m => m.ToByteString()),
            .. EndpointGenerator.Generate(context, proxy, ClusterGenerator.EdsNames(clusters)).Select(static m => m.ToByteString()),
        ];
    }
}
