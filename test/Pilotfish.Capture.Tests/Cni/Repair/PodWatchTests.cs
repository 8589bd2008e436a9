using Pilotfish.Capture.Cni.Pods;
using Pilotfish.Capture.Cni.Repair;

namespace Pilotfish.Capture.Tests.Cni.Repair;

public sealed class PodWatchTests
{
    private readonly FakeNode _node = new();
    private readonly List<string> _told = [];
    private readonly List<double> _pauses = [];

    [Fact]
    public void Watch_ThatEnds_GoesOnWhereItWas()
    {
        _node.Pods.Add(FakeNode.Broken("u1"));
        _node.Watches.Enqueue(new NodePodChange[] { new NodePodChange.Put(FakeNode.Broken("u2")) });
        _node.Watches.Enqueue(new NodePodChange[] { new NodePodChange.Gone(FakeNode.Broken("u1")) });
        _node.Watches.Enqueue(new WatchExpiredException());

        Run(pauses: 1);

        Assert.Equal(["all u1", "put u2", "gone u1"], _told);
        Assert.Equal(["list 1", "after list 1", "after after list 1"], _node.Versions);
    }

    [Fact]
    public void Version_ThatExpired_IsListedAnewAfterAPause()
    {
        _node.Watches.Enqueue(new WatchExpiredException());
        _node.Watches.Enqueue(new WatchExpiredException());

        Run(pauses: 2);

        Assert.Equal(["all ", "all "], _told);
        Assert.Equal(["list 1", "list 2"], _node.Versions);
        Assert.Empty(_node.Log.ToString());
    }

    [Fact]
    public void Api_ThatIsAway_IsSaidOnce_AndAskedWithGrowingPauses()
    {
        _node.ListFailures = 7;
        _node.Watches.Enqueue(new PodLookupException("The API is away again."));

        Run(pauses: 8);

        Assert.Equal([1, 2, 4, 8, 16, 30, 30, 30], _pauses);
        Assert.Equal(["all "], _told);
        Assert.Equal(
            ["warning: pods cannot be looked at for repair: The API is away.", "warning: pods cannot be looked at for repair: The API is away again."],
            _node.Log.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void Watch_ThatServed_BringsThePausesBackToTheFirst()
    {
        _node.ListFailures = 3;
        _node.Watches.Enqueue(new NodePodChange[] { new NodePodChange.Put(FakeNode.Broken()) });
        _node.Watches.Enqueue(new PodLookupException("The connection broke."));

        Run(pauses: 4);

        Assert.Equal([1, 2, 4, 1], _pauses);
    }

    [Fact]
    public void Watch_ThatEndsAtOnce_IsNotAskedInAHurry()
    {
        _node.Watches.Enqueue(Array.Empty<NodePodChange>());
        _node.Watches.Enqueue(Array.Empty<NodePodChange>());

        Run(pauses: 2);

        Assert.Equal(2, _pauses.Count);
        Assert.Single(_told);
    }

    [Fact]
    public void Loop_RepairsWhatTheWatchTells()
    {
        _node.Watches.Enqueue(new NodePodChange[] { new NodePodChange.Put(FakeNode.Broken()) });
        using var repaired = new ManualResetEventSlim();
        var repair = new PodRepair(
            new RepairOptions { Mode = RepairMode.Repair }, _node, _node, _ => repaired.Set(), _node.Clock, TextWriter.Synchronized(_node.Log));

        using var loop = new RepairLoop(repair, _node, TextWriter.Synchronized(_node.Log));

        repaired.Wait(TestContext.Current.CancellationToken);
    }

    /// <summary>Until so many pauses were made.</summary>
    private void Run(int pauses)
    {
        var watch = new PodWatch(
            _node,
            change => _told.Add(change switch
            {
                NodePodChange.All all => "all " + string.Join(' ', all.Pods.Select(pod => pod.Uid)),
                NodePodChange.Put put => "put " + put.Pod.Uid,
                NodePodChange.Gone gone => "gone " + gone.Pod.Uid,
                _ => "?",
            }),
            pause =>
            {
                _pauses.Add(pause.TotalSeconds);
                return _pauses.Count == pauses;
            },
            _node.Log);
        watch.Run(TestContext.Current.CancellationToken);
    }
}
