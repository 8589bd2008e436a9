using Google.Rpc;
using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Proxy.Xds;

/// <summary>Applies a decoded response and keeps the books: stats, log line, refusal text. Shared by both dialects.</summary>
internal sealed class ResponseOutcome(EventLoop loop, ResourceTable table)
{
    private const long NanosecondsPerMillisecond = 1_000_000;

    /// <summary>Null when everything was applied.</summary>
    public Status? Apply(
        SubscribedType type, List<ArrivedResource> added, IReadOnlyList<string> removed, string version, List<RejectedResource> rejected)
    {
        long begin = loop.ReadClockNanoseconds();
        RejectDuplicates(added, rejected);
        table.Apply(type, added, removed, rejected);
        long took = (loop.ReadClockNanoseconds() - begin) / NanosecondsPerMillisecond;
        if (rejected.Count == 0)
        {
            type.Stats?.Succeeded(version, loop.WallNow, took);
            Log.Debug(
                LogComponent.Config,
                $"{type.Type.ShortName}: {added.Count} added or changed, {removed.Count} removed, {took} ms, version '{version}'");
            return null;
        }

        type.Stats?.Rejected();
        Status refusal = Refusals.Of(type.Type, rejected)!;
        Log.Warning(LogComponent.Config, $"{type.Type.ShortName} update refused in part: {refusal.Message}");
        return refusal;
    }

    // Both of two resources of one name are refused: nobody can say which was meant.
    private static void RejectDuplicates(List<ArrivedResource> added, List<RejectedResource> rejected)
    {
        HashSet<string> seen = new(StringComparer.Ordinal);
        HashSet<string> duplicates = new(StringComparer.Ordinal);
        foreach (ArrivedResource update in added)
        {
            if (!seen.Add(update.Name))
            {
                duplicates.Add(update.Name);
            }
        }

        if (duplicates.Count == 0)
        {
            return;
        }

        added.RemoveAll(update => duplicates.Contains(update.Name));
        foreach (string name in duplicates)
        {
            rejected.Add(new RejectedResource(name, "the name occurs more than once in one response"));
        }
    }
}
