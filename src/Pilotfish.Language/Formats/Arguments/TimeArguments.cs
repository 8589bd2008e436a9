namespace Pilotfish.Language.Formats.Arguments;

/// <summary>The argument of time operators: a strftime-like format, or none.</summary>
public static class TimeArguments
{
    /// <summary>How a certificate's times look without an argument.</summary>
    public const string CertificateDefault = "%b %e %H:%M:%S %Y %Z";

    private const string LocalDefault = "%Y-%m-%dT%H:%M:%S.%3f%Ez";

    /// <summary>A null zone is UTC.</summary>
    public static TimeFormat Parse(FormatOperator source, TimeZoneInfo? zone)
    {
        if (string.IsNullOrEmpty(source.Arguments))
        {
            return zone is null ? TimeFormat.Default : TimeFormat.Parse(LocalDefault, zone);
        }

        try
        {
            return TimeFormat.Parse(source.Arguments, zone);
        }
        catch (FormatException e)
        {
            throw source.Reject($"is wrong: {e.Message}");
        }
    }

    /// <summary>Of certificates, whose times have another default.</summary>
    public static TimeFormat ParseCertificate(FormatOperator source) =>
        Parse(source with { Arguments = source.Arguments ?? CertificateDefault }, null);
}
