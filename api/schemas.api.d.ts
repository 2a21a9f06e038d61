// Made by `npm run api` from the built declarations. A change here is a change of the public surface.

export declare const BindDeviceRequest: z.ZodObject<{
    type: z.ZodString;
    model: z.ZodString;
    serial_number: z.ZodString;
    alias: z.ZodOptional<z.ZodString>;
    firmware: z.ZodOptional<z.ZodString>;
}, z.core.$strict>;

export declare const CreateSessionRequest: z.ZodObject<{
    deviceid: z.ZodString;
    alias: z.ZodOptional<z.ZodString>;
}, z.core.$strict>;

export declare const Device: z.ZodObject<{
    deviceid: z.ZodString;
    type: z.ZodOptional<z.ZodNullable<z.ZodString>>;
    model: z.ZodOptional<z.ZodNullable<z.ZodString>>;
    alias: z.ZodOptional<z.ZodNullable<z.ZodString>>;
    firmware: z.ZodOptional<z.ZodNullable<z.ZodString>>;
    serial_number: z.ZodOptional<z.ZodNullable<z.ZodString>>;
    creation_date: z.ZodOptional<z.ZodNullable<z.ZodISODateTime>>;
    last_login: z.ZodOptional<z.ZodNullable<z.ZodISODateTime>>;
    last_seen: z.ZodOptional<z.ZodNullable<z.ZodISODateTime>>;
    sessions: z.ZodOptional<z.ZodNullable<z.ZodInt>>;
    passings: z.ZodOptional<z.ZodNullable<z.ZodInt>>;
    device_status: z.ZodOptional<z.ZodNullable<z.ZodString>>;
    battery_percentage: z.ZodOptional<z.ZodNullable<z.ZodInt>>;
    charging: z.ZodOptional<z.ZodNullable<z.ZodBoolean>>;
    last_telemetry_at: z.ZodOptional<z.ZodNullable<z.ZodISODateTime>>;
}, z.core.$loose>;

export declare const DeviceReceipt: z.ZodObject<{
    description: z.ZodString;
    deviceid: z.ZodString;
}, z.core.$loose>;

export declare const InsertPassingsRequest: z.ZodObject<{
    token_session: z.ZodString;
    passings_list: z.ZodArray<z.ZodObject<{
        timestamp: z.ZodISODateTime;
        num_passing: z.ZodInt;
        bib: z.ZodString;
        participant_id: z.ZodOptional<z.ZodNullable<z.ZodString>>;
        chip: z.ZodOptional<z.ZodNullable<z.ZodString>>;
        latitude: z.ZodOptional<z.ZodNullable<z.ZodNumber>>;
        longitude: z.ZodOptional<z.ZodNullable<z.ZodNumber>>;
        status: z.ZodOptional<z.ZodNullable<z.ZodString>>;
        timezone: z.ZodOptional<z.ZodNullable<z.ZodString>>;
        gender: z.ZodOptional<z.ZodNullable<z.ZodString>>;
    }, z.core.$strict>>;
}, z.core.$strict>;

export declare const InsertReceipt: z.ZodObject<{
    description: z.ZodString;
    token_session: z.ZodString;
    inserted_count: z.ZodOptional<z.ZodNullable<z.ZodInt>>;
    duplicate_count: z.ZodOptional<z.ZodNullable<z.ZodInt>>;
}, z.core.$loose>;

export declare const Pagination: z.ZodObject<{
    page: z.ZodInt;
    limit: z.ZodInt;
    total: z.ZodInt;
    has_more: z.ZodBoolean;
}, z.core.$loose>;

export declare const Passing: z.ZodObject<{
    timestamp: z.ZodISODateTime;
    num_passing: z.ZodInt;
    bib: z.ZodString;
    participant_id: z.ZodOptional<z.ZodNullable<z.ZodString>>;
    chip: z.ZodOptional<z.ZodNullable<z.ZodString>>;
    latitude: z.ZodOptional<z.ZodNullable<z.ZodUnion<readonly [
        z.ZodNumber,
        z.ZodString
    ]>>>;
    longitude: z.ZodOptional<z.ZodNullable<z.ZodUnion<readonly [
        z.ZodNumber,
        z.ZodString
    ]>>>;
    status: z.ZodOptional<z.ZodNullable<z.ZodString>>;
    timezone: z.ZodOptional<z.ZodNullable<z.ZodString>>;
    gender: z.ZodOptional<z.ZodNullable<z.ZodString>>;
    token_session: z.ZodOptional<z.ZodNullable<z.ZodString>>;
    deviceid: z.ZodOptional<z.ZodNullable<z.ZodString>>;
}, z.core.$loose>;

export declare const PassingInput: z.ZodObject<{
    timestamp: z.ZodISODateTime;
    num_passing: z.ZodInt;
    bib: z.ZodString;
    participant_id: z.ZodOptional<z.ZodNullable<z.ZodString>>;
    chip: z.ZodOptional<z.ZodNullable<z.ZodString>>;
    latitude: z.ZodOptional<z.ZodNullable<z.ZodNumber>>;
    longitude: z.ZodOptional<z.ZodNullable<z.ZodNumber>>;
    status: z.ZodOptional<z.ZodNullable<z.ZodString>>;
    timezone: z.ZodOptional<z.ZodNullable<z.ZodString>>;
    gender: z.ZodOptional<z.ZodNullable<z.ZodString>>;
}, z.core.$strict>;

export declare const RaceEvent: z.ZodObject<{
    event_token: z.ZodString;
    name: z.ZodOptional<z.ZodNullable<z.ZodString>>;
    edition: z.ZodOptional<z.ZodNullable<z.ZodString>>;
    location: z.ZodOptional<z.ZodNullable<z.ZodString>>;
    start_date: z.ZodOptional<z.ZodNullable<z.ZodISODateTime>>;
    end_date: z.ZodOptional<z.ZodNullable<z.ZodISODateTime>>;
    status: z.ZodOptional<z.ZodNullable<z.ZodString>>;
}, z.core.$loose>;

export declare const Session: z.ZodObject<{
    token_session: z.ZodString;
    alias: z.ZodOptional<z.ZodNullable<z.ZodString>>;
    creation_date: z.ZodOptional<z.ZodNullable<z.ZodISODateTime>>;
    active: z.ZodBoolean;
    passings: z.ZodOptional<z.ZodNullable<z.ZodInt>>;
    duration: z.ZodOptional<z.ZodNullable<z.ZodISODateTime>>;
    first: z.ZodOptional<z.ZodNullable<z.ZodISODateTime>>;
    last: z.ZodOptional<z.ZodNullable<z.ZodISODateTime>>;
}, z.core.$loose>;

export declare const SessionReceipt: z.ZodObject<{
    description: z.ZodString;
    token_session: z.ZodString;
}, z.core.$loose>;
