using System.Globalization;

namespace Pilotfish.Bench.Webhook;

/// <summary>Processor time of a process, as the kernel counts it.</summary>
internal sealed class ServerTime(int processId)
{
    /// <summary>_SC_CLK_TCK, 100 on every Linux that .NET runs on.</summary>
    private const double TicksPerSecond = 100;

    /// <summary>utime + stime of all its threads.</summary>
    public double Seconds()
    {
        string stat = File.ReadAllText($"/proc/{processId}/stat");
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return (double.Parse(fields[11], CultureInfo.InvariantCulture) + double.Parse(fields[12], CultureInfo.InvariantCulture)) / TicksPerSecond;
    }
}
