using Pilotfish.Agent.Identity.Workload;
using Pilotfish.Api.Names;
using Pilotfish.Runtime.Loops;
using Pilotfish.Testing;

namespace Pilotfish.Agent.Tests.Identity.Workload;

/// <summary>An identity before a fake authority, with time that the test moves.</summary>
internal sealed class IdentityBench : IDisposable
{
    private static readonly TimeSpan s_step = TimeSpan.FromSeconds(20);

    private readonly EventLoop _loop;
    private readonly KeyMaker _keys;

    private IdentityBench(EventLoop loop, ManualLoopClock clock, IdentityOptions options)
    {
        _loop = loop;
        Clock = clock;
        Authority = new FakeAuthority(loop);
        _keys = new KeyMaker(loop, options.Key, options.Identity);
        Identity = new WorkloadIdentity(loop, options, _keys, () => 0.5);
    }

    public static IdentityOptions Options { get; } = new()
    {
        Identity = new SpiffeId("td", "a", "b"),
        Key = new KeyOptions { Kind = KeyKind.EcdsaP256 },
        Signer = "signer.test",
    };

    public ManualLoopClock Clock { get; }

    public FakeAuthority Authority { get; }

    public WorkloadIdentity Identity { get; }

    public static void Run(Action<IdentityBench> body, IdentityOptions? options = null)
    {
        var clock = new ManualLoopClock();
        LoopRunner.Run(clock, loop =>
        {
            using var bench = new IdentityBench(loop, clock, options ?? Options);
            body(bench);
            return Task.CompletedTask;
        });
    }

    public void Ask(bool warms = false) => Identity.AskOf(Authority, warms);

    public Watcher Join()
    {
        var watcher = new Watcher();
        Identity.Join(watcher);
        return watcher;
    }

    /// <summary>Lets time pass, in steps that are short beside every pause that matters.</summary>
    public void Pass(TimeSpan time)
    {
        for (TimeSpan left = time; left > TimeSpan.Zero; left -= s_step)
        {
            Clock.Advance(left < s_step ? left : s_step);
            Turn();
        }
    }

    public void Turn()
    {
        _loop.RunOnce();
        _loop.RunOnce();
    }

    public void Dispose()
    {
        Identity.Dispose();
        _keys.Dispose();
    }

    internal sealed class Watcher : IIdentityWatcher
    {
        public int Count { get; private set; }

        public void OnIdentity() => Count++;
    }
}
