using System.Globalization;
using Pilotfish.Bench.Webhook;

// usage: Pilotfish.Bench.Webhook URL CERTIFICATE PROCESS-ID REVIEWS-PER-SECOND SECONDS AT-ONCE
if (args.Length != 6)
{
    Console.Error.WriteLine("usage: Pilotfish.Bench.Webhook URL CERTIFICATE PROCESS-ID REVIEWS-PER-SECOND SECONDS AT-ONCE");
    return 64;
}

int Number(int at) => int.Parse(args[at], CultureInfo.InvariantCulture);

var server = new ServerTime(Number(2));
using var load = new ReviewLoad(new Uri(args[0]), args[1]);
await load.AtRateAsync(Number(3), TimeSpan.FromSeconds(1));

double cpu = server.Seconds();
TimeSpan[] waits = await load.AtRateAsync(Number(3), TimeSpan.FromSeconds(Number(4)));
double each = (server.Seconds() - cpu) * 1000 / waits.Length;
Console.WriteLine(string.Create(
    CultureInfo.InvariantCulture,
    $"{Number(3)} reviews/s for {Number(4)} s: p50 {Percentile(waits, 50):0.0} ms, p99 {Percentile(waits, 99):0.0} ms, "
    + $"most {waits[^1].TotalMilliseconds:0.0} ms; {each:0.00} ms of the server's processor time each"));

TimeSpan[] burst = await load.AtOnceAsync(Number(5));
Console.WriteLine(string.Create(
    CultureInfo.InvariantCulture, $"{burst.Length} at once: all answered after {burst[^1].TotalMilliseconds:0} ms"));
return 0;

static double Percentile(TimeSpan[] sorted, int percent) =>
    sorted[Math.Max(0, (int)Math.Ceiling(sorted.Length * percent / 100.0) - 1)].TotalMilliseconds;
