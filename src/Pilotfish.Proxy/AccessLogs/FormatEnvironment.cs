namespace Pilotfish.Proxy.AccessLogs;

/// <summary>
/// The variables that %ENVIRONMENT% may print. The data plane does not read the process environment by itself: whoever starts
/// it hands them over before config compiles.
/// </summary>
public static class FormatEnvironment
{
    private static volatile IReadOnlyDictionary<string, string> s_variables = new Dictionary<string, string>();

    public static void Provide(IReadOnlyDictionary<string, string> variables) => s_variables = variables;

    internal static string? Get(string name) => s_variables.GetValueOrDefault(name);
}
