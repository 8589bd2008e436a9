using System.Globalization;
using Pilotfish.Api.Failures;
using Pilotfish.Runtime.Diagnostics;

namespace Pilotfish.Proxy.Overload;

/// <summary>
/// injected_resource: the number that a file holds, 0 to 1, for trying out what pressure does. The file is replaced as a whole, by a rename or the swap
/// of a link; it is read when it was, and its last good content counts.
/// </summary>
internal sealed class InjectedMonitor(string path) : ResourceMonitor
{
    // A number with all its digits is shorter.
    private const int TextMax = 64;

    private FileStamp? _stamp;
    private double? _pressure;
    private bool _isBad;

    public override double? ReadPressure()
    {
        FileStamp? stamp = FileStamp.Of(path);
        if (stamp is not null && stamp != _stamp)
        {
            _stamp = stamp;
            Read();
        }

        return _isBad ? null : _pressure ?? 0;
    }

    private void Read()
    {
        try
        {
            using StreamReader reader = new(path);
            Span<char> text = stackalloc char[TextMax];
            int length = reader.ReadBlock(text);
            bool isNumber = double.TryParse(text[..length].Trim(), NumberStyles.Float, CultureInfo.InvariantCulture, out double pressure);
            _isBad = !isNumber || pressure is not (>= 0 and <= 1);
            _pressure = _isBad ? _pressure : pressure;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _isBad = true;
            Log.Warning(LogComponent.Main, $"overload: '{path}' cannot be read: {FailureText.Of(e)}");
        }
    }
}
