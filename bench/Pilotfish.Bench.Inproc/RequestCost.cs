using System.Diagnostics;
using System.Globalization;
using Pilotfish.Runtime.Loops;

namespace Pilotfish.Bench.Inproc;

/// <summary>
/// What a request costs in the proxy: rounds through it and rounds straight to the backend in turns, the least of each, as whatever else the machine
/// does only adds.
/// </summary>
internal sealed class RequestCost(EventLoop loop, int rounds, int requests)
{
    /// <param name="proxied">Clients of the proxy, each asking as often as it is told.</param>
    /// <param name="direct">The same of the backend itself.</param>
    public void Measure(List<Func<int, Task>> proxied, List<Func<int, Task>> direct)
    {
        Round(proxied);
        Round(direct);
        var with = new List<double>();
        var without = new List<double>();
        long allocated = 0;
        for (int round = 0; round < rounds; round++)
        {
            without.Add(Round(direct));
            long before = GC.GetAllocatedBytesForCurrentThread();
            with.Add(Round(proxied));
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        with.Sort();
        without.Sort();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"per request: {with[0] - without[0]:F0} ns in the proxy (least of {rounds} rounds; median {with[rounds / 2] - without[rounds / 2]:F0}), "
            + $"{without[0]:F0} ns in client and backend, {(double)allocated / requests / proxied.Count:F1} bytes allocated"));
    }

    // Nanoseconds per request.
    private double Round(List<Func<int, Task>> clients)
    {
        long start = Stopwatch.GetTimestamp();
        Task all = Task.WhenAll(clients.Select(ask => ask(requests)));
        while (!all.IsCompleted)
        {
            loop.RunOnce(waitMilliseconds: 20);
        }

        all.GetAwaiter().GetResult();
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / requests / clients.Count;
    }
}
