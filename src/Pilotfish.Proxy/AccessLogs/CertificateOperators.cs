using System.Security.Cryptography.X509Certificates;
using Pilotfish.Language.Formats;
using Pilotfish.Language.Formats.Arguments;

namespace Pilotfish.Proxy.AccessLogs;

/// <summary>Enters operators of one certificate, all with the same prefix.</summary>
internal readonly struct CertificateOperators(
    Dictionary<string, Func<FormatOperator, FormatOperation>> all, string prefix, Func<FormatSource, X509Certificate2?> certificate)
{
    public void Text(string name, Func<X509Certificate2, string?> text)
    {
        Func<FormatSource, X509Certificate2?> find = certificate;
        all.AddText(prefix + name, s => find(s) is { } found ? text(found) : null);
    }

    /// <summary>Subject alternative names of one kind.</summary>
    public void Names(string name, int tag) => Text(name, c => CertificateTexts.AlternativeNames(c, tag));

    public void Time(string name, Func<X509Certificate2, DateTime> time)
    {
        Func<FormatSource, X509Certificate2?> find = certificate;
        all.Add(prefix + name, source =>
        {
            TimeFormat format = TimeArguments.ParseCertificate(source);
            return (in FormatSource s, FormatOutput output) =>
            {
                if (find(s) is not { } found)
                {
                    return FormatValueKind.Missing;
                }

                format.Append(output, new DateTimeOffset(time(found).ToUniversalTime()));
                return FormatValueKind.Text;
            };
        });
    }
}
