namespace Mosaik.Postcard.Converters;

/// <summary>TimeSpan as Duration: seconds u64, nanoseconds u32. Negative ones have no image.</summary>
internal readonly struct TimeSpanCodec : IValueCodec<TimeSpan>
{
    private const uint NanosecondsPerSecond = 1_000_000_000;

    public static int MinimumSize => 2;

    public static void Write(ref PostcardWriter writer, TimeSpan value)
    {
        if (value < TimeSpan.Zero)
            PostcardWriter.Refuse("A negative duration has no postcard image.");
        var (seconds, ticks) = Math.DivRem(value.Ticks, TimeSpan.TicksPerSecond);
        writer.WriteUInt64((ulong)seconds);
        writer.WriteUInt32((uint)(ticks * TimeSpan.NanosecondsPerTick));
    }

    public static bool TryRead(ref PostcardReader reader, out TimeSpan value)
    {
        var start = reader.Position;
        value = default;
        if (!reader.TryReadUInt64(out var seconds) || !reader.TryReadUInt32(out var nanoseconds))
            return false;

        // Like the original, a u32 of more than one second carries into the seconds.
        var ticks = (((UInt128)seconds + (nanoseconds / NanosecondsPerSecond)) * (ulong)TimeSpan.TicksPerSecond)
            + ((nanoseconds % NanosecondsPerSecond) / (uint)TimeSpan.NanosecondsPerTick);
        if (ticks > (ulong)TimeSpan.MaxValue.Ticks)
            return reader.Fail(PostcardError.InvalidValue, start);
        value = new TimeSpan((long)(ulong)ticks);
        return true;
    }
}

/// <summary>DateTimeOffset as an RFC 3339 string in UTC.</summary>
internal readonly struct DateTimeOffsetCodec : IValueCodec<DateTimeOffset>
{
    public static int MinimumSize => 1 + Rfc3339.MinLength;

    public static void Write(ref PostcardWriter writer, DateTimeOffset value) =>
        Rfc3339.Write(ref writer, value.UtcTicks);

    public static bool TryRead(ref PostcardReader reader, out DateTimeOffset value)
    {
        var read = Rfc3339.TryRead(ref reader, out var ticks);
        value = new DateTimeOffset(ticks, TimeSpan.Zero);
        return read;
    }
}

/// <summary>DateTime, which must be UTC, as an RFC 3339 string.</summary>
internal readonly struct DateTimeCodec : IValueCodec<DateTime>
{
    public static int MinimumSize => 1 + Rfc3339.MinLength;

    public static void Write(ref PostcardWriter writer, DateTime value)
    {
        if (value.Kind != DateTimeKind.Utc)
            PostcardWriter.Refuse("Only a UTC DateTime has a postcard image; use DateTimeOffset for local times.");
        Rfc3339.Write(ref writer, value.Ticks);
    }

    public static bool TryRead(ref PostcardReader reader, out DateTime value)
    {
        var read = Rfc3339.TryRead(ref reader, out var ticks);
        value = new DateTime(ticks, DateTimeKind.Utc);
        return read;
    }
}

/// <summary>
/// The text of a UTC timestamp: <c>YYYY-MM-DDThh:mm:ss</c>, a fraction of 0, 3, 6 or 9 digits (the fewest that lose
/// nothing) and <c>Z</c>. Reading takes any number of digits, truncated to 100 ns, and any offset.
/// </summary>
internal static class Rfc3339
{
    /// <summary>The shortest text: no fraction and <c>Z</c>.</summary>
    public const int MinLength = 20;

    private const int TicksPerMillisecond = (int)TimeSpan.TicksPerMillisecond;

    public static void Write(ref PostcardWriter writer, long utcTicks)
    {
        var time = new DateTime(utcTicks, DateTimeKind.Utc);
        var fraction = (int)(utcTicks % TimeSpan.TicksPerSecond);
        var digits = fraction == 0 ? 0 : fraction % TicksPerMillisecond == 0 ? 3 : fraction % 10 == 0 ? 6 : 9;
        var length = digits == 0 ? MinLength : MinLength + 1 + digits;
        writer.WriteByte((byte)length);
        var text = writer.Take(length);
        Put(text, 0, 4, time.Year);
        text[4] = (byte)'-';
        Put(text, 5, 2, time.Month);
        text[7] = (byte)'-';
        Put(text, 8, 2, time.Day);
        text[10] = (byte)'T';
        Put(text, 11, 2, time.Hour);
        text[13] = (byte)':';
        Put(text, 14, 2, time.Minute);
        text[16] = (byte)':';
        Put(text, 17, 2, time.Second);
        if (digits > 0)
        {
            text[19] = (byte)'.';
            Put(text, 20, digits, digits == 3 ? fraction / TicksPerMillisecond : digits == 6 ? fraction / 10 : fraction * 100);
        }

        text[^1] = (byte)'Z';
    }

    public static bool TryRead(ref PostcardReader reader, out long utcTicks)
    {
        var start = reader.Position;
        utcTicks = 0;
        if (!reader.TryReadUtf8(out var text))
            return false;
        return TryParse(text, out utcTicks) || reader.Fail(PostcardError.InvalidValue, start);
    }

    private static bool TryParse(scoped ReadOnlySpan<byte> text, out long utcTicks)
    {
        utcTicks = 0;
        if (text.Length < MinLength
            || !TryGet(text, 0, 4, out var year) || text[4] != '-'
            || !TryGet(text, 5, 2, out var month) || text[7] != '-'
            || !TryGet(text, 8, 2, out var day) || (text[10] | 0x20) is not ('t' or ' ')
            || !TryGet(text, 11, 2, out var hour) || text[13] != ':'
            || !TryGet(text, 14, 2, out var minute) || text[16] != ':'
            || !TryGet(text, 17, 2, out var second))
            return false;

        // A leap second is accepted as the last tick before it is over; the CLR type has no place for it.
        var leap = second == 60;
        if (year < 1 || month is < 1 or > 12 || day < 1 || day > DateTime.DaysInMonth(year, month)
            || hour > 23 || minute > 59 || second > 60)
            return false;
        if (!TryFraction(text, out var fraction, out var at) || !TryOffset(text[at..], out var offset))
            return false;
        var local = new DateTime(year, month, day, hour, minute, leap ? 59 : second, DateTimeKind.Utc).Ticks
            + (leap ? TimeSpan.TicksPerSecond - 1 : fraction);
        utcTicks = local - offset;
        var inRange = utcTicks >= 0 && utcTicks <= DateTime.MaxValue.Ticks;
        utcTicks = inRange ? utcTicks : 0;
        return inRange;
    }

    private static bool TryFraction(scoped ReadOnlySpan<byte> text, out long ticks, out int end)
    {
        ticks = 0;
        end = 19;
        if (text[19] != '.')
            return true;
        var scale = TimeSpan.TicksPerSecond;
        for (end = 20; end < text.Length && char.IsAsciiDigit((char)text[end]); end++)
        {
            scale /= 10;
            ticks += (text[end] - '0') * scale;
        }

        return end > 20;
    }

    private static bool TryOffset(scoped ReadOnlySpan<byte> text, out long ticks)
    {
        ticks = 0;
        if (text.Length == 1)
            return (text[0] | 0x20) == 'z';
        if (text.Length != 6 || text[3] != ':' || text[0] is not ((byte)'+' or (byte)'-')
            || !TryGet(text, 1, 2, out var hours) || !TryGet(text, 4, 2, out var minutes) || hours > 23 || minutes > 59)
            return false;
        ticks = ((hours * 60L) + minutes) * TimeSpan.TicksPerMinute * (text[0] == '-' ? -1 : 1);
        return true;
    }

    private static void Put(Span<byte> text, int at, int digits, int value)
    {
        for (var i = at + digits - 1; i >= at; i--)
        {
            text[i] = (byte)('0' + (value % 10));
            value /= 10;
        }
    }

    private static bool TryGet(scoped ReadOnlySpan<byte> text, int at, int digits, out int value)
    {
        value = 0;
        for (var i = at; i < at + digits; i++)
        {
            if (!char.IsAsciiDigit((char)text[i]))
                return false;
            value = (value * 10) + (text[i] - '0');
        }

        return true;
    }
}
