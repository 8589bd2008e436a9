using System.Globalization;

namespace Pilotfish.ControlPlane.Config;

/// <summary>
/// The feature switches that istiod reads from its environment, under its names and with its defaults. Parsed once at the edge.
/// </summary>
public sealed record ControlPlaneFeatures
{
    public static readonly ControlPlaneFeatures Default = new();

    /// <summary>ISTIO_DUAL_STACK: listeners and services use both address families.</summary>
    public bool DualStack { get; init; }

    /// <summary>PILOT_HTTP10: accept HTTP/1.0.</summary>
    public bool Http10 { get; init; }

    /// <summary>PILOT_SIDECAR_USE_REMOTE_ADDRESS.</summary>
    public bool UseRemoteAddress { get; init; }

    /// <summary>PILOT_TRACE_SAMPLING, in percent.</summary>
    public double TraceSampling { get; init; } = 1.0;

    /// <summary>PILOT_DEBOUNCE_AFTER: quiet time that ends a batch of changes.</summary>
    public TimeSpan DebounceAfter { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>PILOT_DEBOUNCE_MAX: the longest a change waits for quiet.</summary>
    public TimeSpan DebounceMax { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Reads the switches, or returns null with a sentence that names the variable and its value. An empty value counts as absent.</summary>
    public static ControlPlaneFeatures? FromEnvironment(Func<string, string?> variable, out string error)
    {
        var problem = "";
        var features = new ControlPlaneFeatures
        {
            DualStack = Flag("ISTIO_DUAL_STACK"),
            Http10 = Flag("PILOT_HTTP10"),
            UseRemoteAddress = Flag("PILOT_SIDECAR_USE_REMOTE_ADDRESS"),
            TraceSampling = Percent("PILOT_TRACE_SAMPLING", Default.TraceSampling),
            DebounceAfter = Duration("PILOT_DEBOUNCE_AFTER", Default.DebounceAfter),
            DebounceMax = Duration("PILOT_DEBOUNCE_MAX", Default.DebounceMax),
        };
        error = problem;
        return problem.Length == 0 ? features : null;

        bool Flag(string name)
        {
            var value = variable(name);
            if (value is not (null or "" or "0" or "f" or "F" or "false" or "False" or "FALSE" or "1" or "t" or "T" or "true" or "True" or "TRUE"))
            {
                Refuse(name, value, "true or false");
            }

            return value is ['1' or 't' or 'T', ..];
        }

        double Percent(string name, double absent)
        {
            var value = variable(name);
            if (string.IsNullOrEmpty(value))
            {
                return absent;
            }

            if (!double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var percent) || percent is not (>= 0 and <= 100))
            {
                Refuse(name, value, "a number from 0 to 100");
            }

            return percent;
        }

        TimeSpan Duration(string name, TimeSpan absent)
        {
            var value = variable(name);
            if (string.IsNullOrEmpty(value))
            {
                return absent;
            }

            if (!GoDuration.TryParse(value, out var duration))
            {
                Refuse(name, value, "a duration such as 100ms or 1m30s");
            }

            return duration;
        }

        void Refuse(string name, string value, string wanted)
        {
            problem = problem.Length == 0 ? $"The environment variable {name} has '{value}'; it must be {wanted}." : problem;
        }
    }
}
