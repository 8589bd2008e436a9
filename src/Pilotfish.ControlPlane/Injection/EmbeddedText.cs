namespace Pilotfish.ControlPlane.Injection;

/// <summary>Texts that lie beside the code and are built into the assembly: templates, tables and defaults.</summary>
internal static class EmbeddedText
{
    private const string Prefix = "Pilotfish.ControlPlane.Injection.";

    public static string Read(string name)
    {
        using var stream = typeof(EmbeddedText).Assembly.GetManifestResourceStream(Prefix + name)
            ?? throw new InvalidOperationException($"The assembly lacks the resource '{Prefix + name}'.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
