namespace Pilotfish.ControlPlane.Tests.Injection.Load;

/// <summary>A text that is made while it is read, so that it never is in memory as a whole.</summary>
internal sealed class GeneratedText(string head, Func<int, string> part, string tail, int parts) : TextReader
{
    private string _current = head;
    private int _at;
    private int _next;

    public override int Read(char[] buffer, int index, int count)
    {
        while (_at == _current.Length)
        {
            if (_next > parts)
            {
                return 0;
            }

            _current = _next < parts ? part(_next) : "\n" + tail;
            _next++;
            _at = 0;
        }

        int read = Math.Min(count, _current.Length - _at);
        _current.CopyTo(_at, buffer, index, read);
        _at += read;
        return read;
    }

    public override int Read()
    {
        var one = new char[1];
        return Read(one, 0, 1) == 0 ? -1 : one[0];
    }
}
