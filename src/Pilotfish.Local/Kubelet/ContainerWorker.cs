using System.Diagnostics;
using Pilotfish.Local.Pods;
using Pilotfish.Local.Sandboxes;
using Pilotfish.Local.State;
using Pilotfish.Runtime.Interop;

namespace Pilotfish.Local.Kubelet;

/// <summary>
/// One container from its first start to its end: restarts with back-off, hooks, and the probes that decide whether it
/// has started, is ready, or must be restarted.
/// </summary>
internal sealed class ContainerWorker(
    PodRuntime runtime,
    ContainerSpec spec,
    bool isInit,
    string restartPolicy,
    Action changed,
    Action<string> report,
    CancellationToken podStopping)
{
    /// <summary>While somebody waits for a container to start or be ready, it is looked at more often than its period says.</summary>
    private static readonly TimeSpan s_eagerPeriod = TimeSpan.FromMilliseconds(250);

    private readonly TaskCompletionSource _startedOnce = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _stopping = CancellationTokenSource.CreateLinkedTokenSource(podStopping);
    private readonly BackOff _backOff = new();
    private volatile ContainerProcess? _process;
    private Task<int>? _ended;

    public ContainerSpec Spec => spec;

    public ContainerPhase Phase { get; private set; } = ContainerPhase.Waiting;

    public bool IsReady { get; private set; }

    public int Restarts { get; private set; }

    public int ExitCode { get; private set; }

    /// <summary>Behind the exit code in a sentence; mostly empty.</summary>
    public string Explanation => runtime.Explain(spec, ExitCode);

    /// <summary>Completes when the container has passed its startup probe (and its postStart hook) for the first time.</summary>
    public Task StartedOnce => _startedOnce.Task;

    public ContainerDescription Describe() => new(
        spec.Name, isInit, Phase.ToString(), Restarts, _process?.Pid ?? 0, IsReady, runtime.ExecFile(spec));

    public RunningContainer Now(string logFile) => new(spec, Phase, ExitCode, _process?.MountNamespace, logFile);

    /// <summary>Runs until the container has ended for good, by its restart policy or because it was stopped.</summary>
    public async Task RunAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            long began = Stopwatch.GetTimestamp();
            ExitCode = await RunOnceAsync();
            IsReady = false;
            bool again = restartPolicy == "Always" || (restartPolicy == "OnFailure" && ExitCode != 0);
            if (!again || _stopping.IsCancellationRequested)
            {
                break;
            }

            TimeSpan pause = _backOff.Next(Stopwatch.GetElapsedTime(began));
            Restarts++;
            Phase = ContainerPhase.BackOff;
            report($"container {spec.Name} ended with exit code {ExitCode}{Explanation}; restart {Restarts} in {pause.TotalSeconds:0} s");
            changed();
            await Task.Delay(pause, _stopping.Token).ContinueWith(_ => { }, TaskScheduler.Default);
        }

        Phase = ContainerPhase.Terminated;
        _startedOnce.TrySetResult();
        changed();
    }

    /// <summary>preStop, SIGTERM, and SIGKILL when <paramref name="deadline"/> ends. Returns when the container is gone.</summary>
    public async Task StopAsync(CancellationToken deadline)
    {
        ContainerProcess? process = _process;
        Task<int>? ended = _ended;
        if (process is null || ended is null || ended.IsCompleted)
        {
            await _stopping.CancelAsync();
            return;
        }

        if (spec.PreStop is { } hook)
        {
            await RunHookAsync("preStop", hook, process, deadline);
        }

        await _stopping.CancelAsync();
        process.Signal(ProcessSignal.SIGTERM);
        await Task.WhenAny(ended, Task.Delay(Timeout.Infinite, deadline));
        if (!ended.IsCompleted)
        {
            report($"container {spec.Name} did not end in time and is killed");
            process.Signal(ProcessSignal.SIGKILL);
            await ended;
        }
    }

    private async Task<int> RunOnceAsync()
    {
        ContainerProcess process = await runtime.StartAsync(spec);
        _process = process;
        Task<int> ended = process.WaitAsync();
        _ended = ended;
        Phase = ContainerPhase.Running;
        changed();
        using var running = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        Task watching = WatchAsync(process, ended, running.Token);
        int exitCode = await ended;
        await running.CancelAsync();
        await watching;
        return exitCode;
    }

    private async Task WatchAsync(ContainerProcess process, Task ended, CancellationToken stop)
    {
        try
        {
            await Task.Yield();
            process.RememberNamespace();
            if (spec.PostStart is { } hook && await RunHookAsync("postStart", hook, process, stop) is false && !ended.IsCompleted)
            {
                process.Signal(ProcessSignal.SIGKILL);
                return;
            }

            if (spec.StartupProbe is { } startup && !await RunStartupAsync(startup, process, stop))
            {
                return;
            }

            process.RememberNamespace();
            _startedOnce.TrySetResult();
            if (spec.ReadinessProbe is null)
            {
                SetReady(!stop.IsCancellationRequested);
            }

            changed();
            await Task.WhenAll(RunReadinessAsync(process, stop), RunLivenessAsync(process, stop));
        }
        catch (OperationCanceledException)
        {
            // The container ended or is being stopped; its state is set by whoever ended it.
        }
    }

    private async Task<bool> RunHookAsync(string name, HandlerSpec hook, ContainerProcess process, CancellationToken deadline)
    {
        try
        {
            string? failure = await runtime.Prober.CheckAsync(hook, process, runtime.Pod.GracePeriod + TimeSpan.FromHours(1), deadline);
            if (failure is not null)
            {
                report($"container {spec.Name}: {name} hook failed: {failure}");
            }

            return failure is null;
        }
        catch (OperationCanceledException)
        {
            report($"container {spec.Name}: {name} hook did not end in time");
            return false;
        }
    }

    private async Task<bool> RunStartupAsync(ProbeSpec probe, ContainerProcess process, CancellationToken stop)
    {
        await Task.Delay(probe.InitialDelay, stop);
        TimeSpan pause = probe.Period < s_eagerPeriod ? probe.Period : s_eagerPeriod;
        TimeSpan allowed = probe.Period * probe.FailuresAllowed;
        long began = Stopwatch.GetTimestamp();
        string? failure;
        do
        {
            failure = await runtime.Prober.CheckAsync(probe.Handler, process, probe.Timeout, stop);
            if (failure is null)
            {
                return true;
            }

            await Task.Delay(pause, stop);
        }
        while (Stopwatch.GetElapsedTime(began) < allowed);

        report($"container {spec.Name} did not start ({failure}) and is restarted");
        process.Signal(ProcessSignal.SIGKILL);
        return false;
    }

    private async Task RunReadinessAsync(ContainerProcess process, CancellationToken stop)
    {
        if (spec.ReadinessProbe is not { } probe)
        {
            return;
        }

        await Task.Delay(probe.InitialDelay, stop);
        int inARow = 0;
        bool last = false;
        while (true)
        {
            bool passed = await runtime.Prober.CheckAsync(probe.Handler, process, probe.Timeout, stop) is null;
            inARow = passed == last ? inARow + 1 : 1;
            last = passed;
            if (passed != IsReady && inARow >= (passed ? probe.SuccessesNeeded : probe.FailuresAllowed))
            {
                SetReady(passed);
            }

            await Task.Delay(IsReady || probe.Period < s_eagerPeriod ? probe.Period : s_eagerPeriod, stop);
        }
    }

    private async Task RunLivenessAsync(ContainerProcess process, CancellationToken stop)
    {
        if (spec.LivenessProbe is not { } probe)
        {
            return;
        }

        await Task.Delay(probe.InitialDelay, stop);
        int failures = 0;
        while (true)
        {
            string? failure = await runtime.Prober.CheckAsync(probe.Handler, process, probe.Timeout, stop);
            failures = failure is null ? 0 : failures + 1;
            if (failures >= probe.FailuresAllowed)
            {
                report($"container {spec.Name} is not alive ({failure}) and is restarted");
                SetReady(false);
                process.Signal(ProcessSignal.SIGTERM);
                TimeSpan grace = probe.GraceSeconds is int seconds ? TimeSpan.FromSeconds(seconds) : runtime.Pod.GracePeriod;
                await Task.Delay(grace, stop);
                process.Signal(ProcessSignal.SIGKILL);
                return;
            }

            await Task.Delay(probe.Period, stop);
        }
    }

    private void SetReady(bool ready)
    {
        if (IsReady != ready)
        {
            IsReady = ready;
            changed();
        }
    }
}
