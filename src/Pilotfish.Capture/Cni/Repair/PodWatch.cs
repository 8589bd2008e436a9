using System.Diagnostics;
using Pilotfish.Capture.Cni.Pods;

namespace Pilotfish.Capture.Cni.Repair;

/// <summary>
/// Keeps up with the pods of a node: lists them once, follows every change, and lists anew only when the API has forgotten where the watch
/// was, or was away. For one thread.
/// </summary>
/// <param name="pods">The API.</param>
/// <param name="tell">Gets what changes.</param>
/// <param name="pause">Waits; true when everything is to end.</param>
/// <param name="log">Gets one line when the API goes away.</param>
internal sealed class PodWatch(INodePods pods, Action<NodePodChange> tell, Func<TimeSpan, bool> pause, TextWriter log)
{
    private static readonly TimeSpan s_firstPause = TimeSpan.FromSeconds(1);

    // Nodes return together when an API server does; half a minute is what kubelets allow themselves, too.
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(30);

    /// <summary>A watch that ends sooner did not serve, whatever it says, and the next must not follow at once.</summary>
    private static readonly TimeSpan s_shortWatch = TimeSpan.FromSeconds(1);

    private TimeSpan _pause = s_firstPause;
    private bool _isAway;

    public void Run(CancellationToken ending)
    {
        while (!ending.IsCancellationRequested)
        {
            try
            {
                NodePodList all = pods.List();
                tell(new NodePodChange.All(all.Pods));
                _isAway = false;
                Follow(all.Version, ending);
                return;
            }
            catch (WatchExpiredException)
            {
                // Too many changes went by, or the API server was replaced: the list tells what they came to.
            }
            catch (PodLookupException e)
            {
                // Said once, not at every try: the API may be away for an hour.
                if (!_isAway)
                {
                    log.WriteLine($"warning: pods cannot be looked at for repair: {e.Message}");
                }

                _isAway = true;
            }

            if (ending.IsCancellationRequested || pause(_pause))
            {
                return;
            }

            _pause = TimeSpan.FromTicks(Math.Min(_pause.Ticks * 2, s_longestPause.Ticks));
        }
    }

    /// <summary>Returns when everything is to end; everything else is an exception.</summary>
    private void Follow(string version, CancellationToken ending)
    {
        while (!ending.IsCancellationRequested)
        {
            long began = Stopwatch.GetTimestamp();
            bool isTold = false;
            version = pods.Watch(
                version,
                change =>
                {
                    isTold = true;
                    tell(change);
                },
                ending);
            if (isTold || Stopwatch.GetElapsedTime(began) >= s_shortWatch)
            {
                _pause = s_firstPause;
            }
            else if (ending.IsCancellationRequested || pause(_pause))
            {
                return;
            }
        }
    }
}
