using System.Globalization;

namespace Pilotfish.Agent.Bootstrap;

/// <summary>The environment variables that the agent was started with, read once; tests give their own.</summary>
public sealed class AgentEnvironment(IReadOnlyDictionary<string, string> variables)
{
    public IReadOnlyDictionary<string, string> Variables { get; } = variables;

    public string Text(string name, string fallback = "") =>
        Variables.TryGetValue(name, out string? value) && value.Length > 0 ? value : fallback;

    public bool IsSet(string name) => Variables.ContainsKey(name);

    /// <summary>A value that is no boolean counts as not given, as Istio's agent treats it.</summary>
    public bool Flag(string name, bool fallback) => ParseFlag(Text(name)) ?? fallback;

    public int Number(string name, int fallback) =>
        int.TryParse(Text(name), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) ? value : fallback;

    /// <summary>A value that is no finite number counts as not given.</summary>
    public double Fraction(string name, double fallback) =>
        double.TryParse(Text(name), NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && double.IsFinite(value) ? value : fallback;

    public TimeSpan Duration(string name, TimeSpan fallback) =>
        Api.Messages.DurationText.TryParseGo(Text(name), out long seconds, out int nanos)
            ? TimeSpan.FromSeconds(seconds) + TimeSpan.FromMicroseconds(nanos / 1000.0)
            : fallback;

    /// <summary>The spellings that Go's ParseBool takes.</summary>
    public static bool? ParseFlag(string text) => text switch
    {
        "1" or "t" or "T" or "true" or "TRUE" or "True" => true,
        "0" or "f" or "F" or "false" or "FALSE" or "False" => false,
        _ => null,
    };
}
