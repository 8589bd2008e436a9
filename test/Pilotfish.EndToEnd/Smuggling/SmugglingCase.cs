namespace Pilotfish.EndToEnd.Smuggling;

/// <summary>
/// Bytes of one connection. In the template {P} stands for a path of the case's own, {V} for a path that must never be seen unless it was
/// forwarded as a request, {E} for a request to it, {L} and {X} for that request's length in decimal and hexadecimal digits.
/// </summary>
internal sealed record SmugglingCase(string Name, Func<Func<string, string>, string> Write)
{
    public SmugglingCase(string name, string template)
        : this(name, fill => fill(template))
    {
    }

    public string Bytes(string path, string evilPath)
    {
        string evil = $"GET {evilPath} HTTP/1.1\r\nHost: evil\r\n\r\n";
        return Write(template => template.Replace("{L}", $"{evil.Length}", StringComparison.Ordinal)
            .Replace("{X}", $"{evil.Length:x}", StringComparison.Ordinal).Replace("{V}", evilPath, StringComparison.Ordinal)
            .Replace("{P}", path, StringComparison.Ordinal).Replace("{E}", evil, StringComparison.Ordinal));
    }
}
